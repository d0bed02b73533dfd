-- How numbers begin, with what lists are sorted by: a tenth of a million numbers is sorted without reading a row. A
-- package's number is its order's, P and n; a transfer's its package's, T and n: so both are found by how the longer begins.
DROP INDEX orders_number;
CREATE INDEX orders_number ON orders (number, created_us, id);
DROP INDEX packages_number;
CREATE INDEX packages_number ON packages (number, created_us, id, n);
DROP INDEX transfers_number;
CREATE INDEX transfers_number ON transfers (number, id, n);
