-- Each step of a package writes every index that names its state. These three say nothing that others do not:
-- packages_by_state and packages_by_location_and_state begin with the same columns, and an item's state is its package's.
DROP INDEX packages_state;
DROP INDEX packages_location;
DROP INDEX package_items_state;

-- Rows of these are written again without touching an index: with room beside them PostgreSQL does that on their page,
-- and writes none of the table's indexes.
--postgres: ALTER TABLE orders SET (fillfactor = 75);
--postgres: ALTER TABLE plans SET (fillfactor = 70);
--postgres: ALTER TABLE stocks SET (fillfactor = 70);
