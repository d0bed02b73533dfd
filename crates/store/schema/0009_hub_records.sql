-- What the hub tells is read again: products that changed there, orders that could not be taken, places that came later.

-- When the hub's record was read last.
ALTER TABLE hub_products ADD COLUMN read_us BIGINT NOT NULL DEFAULT 0;

-- Tries of an order that was rejected, when the next one is due (null: a person, the hub or its product starts it), and
-- the hub's product it waits for.
ALTER TABLE hub_orders ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hub_orders ADD COLUMN retry_us BIGINT;
ALTER TABLE hub_orders ADD COLUMN missing_product BIGINT;
CREATE INDEX hub_orders_missing ON hub_orders (missing_product) WHERE missing_product IS NOT NULL;

-- A person said that a change is dealt with, or a later version was applied.
ALTER TABLE hub_changes ADD COLUMN closed_us BIGINT;
ALTER TABLE hub_changes ADD COLUMN closed_by TEXT;
CREATE INDEX hub_changes_open ON hub_changes (id) WHERE closed_us IS NULL;

CREATE INDEX inbox_refused ON inbox (id) WHERE state = 'refused';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';

-- Country, city, township and district as the hub names them, while one of them is not here.
ALTER TABLE addresses ADD COLUMN hub_places TEXT;
CREATE INDEX addresses_unresolved ON addresses (id) WHERE hub_places IS NOT NULL;

-- What was copied from the hub at least once. Orders are taken when all of it is here.
INSERT INTO facts (name, value) SELECT 'copied_' || t.name, '0' FROM setup_tasks t WHERE t.state = 'FINISHED'
    OR (t.state = 'FAILED' AND t.error LIKE '%records of the hub could not be taken%');
