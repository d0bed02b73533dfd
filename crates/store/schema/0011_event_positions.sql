-- The last position that was given. Whoever gives positions holds this row, so they have no gaps and are never given twice.
CREATE TABLE event_head (
    id BIGINT PRIMARY KEY,
    position BIGINT NOT NULL
);

-- Events of before get theirs by their moments, but within a record in its sequence: clocks of nodes differ.
UPDATE events SET position = placed.position FROM (
    SELECT id, ROW_NUMBER() OVER (ORDER BY moment, entity, entity_id, seq) AS position FROM (
        SELECT id, entity, entity_id, seq, MAX(at_us) OVER (PARTITION BY entity, entity_id ORDER BY seq) AS moment FROM events
    ) AS ordered
) AS placed WHERE placed.id = events.id;
INSERT INTO event_head (id, position) SELECT 1, COUNT(*) FROM events;
