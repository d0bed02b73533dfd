-- Ended by a count of the location: found by it.
CREATE INDEX exclusions_location ON exclusions (location_id);
-- What a location refused or did not have it is asked neither to pack nor to send.
INSERT INTO exclusions (order_item_id, location_id, role, created_us)
    SELECT x.order_item_id, x.location_id, 'send', x.created_us FROM exclusions x WHERE x.role = 'pack'
    ON CONFLICT (order_item_id, location_id, role) DO NOTHING;
INSERT INTO exclusions (order_item_id, location_id, role, created_us)
    SELECT x.order_item_id, x.location_id, 'pack', x.created_us FROM exclusions x WHERE x.role = 'send'
    ON CONFLICT (order_item_id, location_id, role) DO NOTHING;
CREATE INDEX discrepancies_open ON discrepancies (location_id, product_id) WHERE state = 'open';
