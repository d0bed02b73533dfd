//! Events, webhooks' deliveries and commands.

use super::{Check, check};

pub(super) fn checks() -> Vec<Check> {
    let mut all = vec![
        check(
            "E1",
            "every step of a log has its event, in the same command",
            "SELECT g.entity || ' ' || g.entity_id || ' step ' || g.seq FROM transition_log g LEFT JOIN events e \
             ON e.entity = g.entity AND e.entity_id = g.entity_id AND e.seq = g.seq AND e.command_id = g.command_id \
             WHERE e.id IS NULL AND NOT ((SELECT forgotten FROM event_head) > 0 AND EXISTS (SELECT 1 FROM events l \
             WHERE l.entity = g.entity AND l.entity_id = g.entity_id AND l.seq > g.seq))",
        ),
        check(
            "E2",
            "an entity's events count from 1 without a gap, but for those that were kept long enough",
            "SELECT x.entity || ' ' || x.entity_id || ' event ' || x.seq FROM (SELECT entity, entity_id, seq, \
             COALESCE(LAG(seq) OVER w, 0) AS before, LAG(position) OVER w AS before_position FROM events \
             WINDOW w AS (PARTITION BY entity, entity_id ORDER BY seq)) x CROSS JOIN event_head h \
             WHERE x.seq <> x.before + 1 AND CASE WHEN x.before = 0 THEN h.forgotten = 0 \
             ELSE COALESCE(x.before_position, h.forgotten + 1) > h.forgotten END",
        ),
        check(
            "E3",
            "an event's uuid is its alone",
            "SELECT uuid FROM events GROUP BY uuid HAVING COUNT(*) > 1",
        ),
        check(
            "E9",
            "positions of events have no gap behind those that may be gone, and end at the head",
            "SELECT 'position ' || x.position FROM (SELECT e.position, \
             COALESCE(LAG(e.position) OVER (ORDER BY e.position), h.forgotten) AS before \
             FROM events e CROSS JOIN event_head h WHERE e.position > h.forgotten) x WHERE x.position <> x.before + 1 \
             UNION ALL SELECT 'head ' || h.position FROM event_head h \
             WHERE h.position <> (SELECT COALESCE(MAX(position), h.position) FROM events)",
        ),
        check(
            "E10",
            "a record's events have positions in its sequence",
            "SELECT x.entity || ' ' || x.entity_id || ' event ' || x.seq FROM (SELECT entity, entity_id, seq, position, \
             LAG(position) OVER w AS before, LAG(seq) OVER w AS before_seq FROM events \
             WINDOW w AS (PARTITION BY entity, entity_id ORDER BY seq)) x \
             WHERE x.before_seq IS NOT NULL AND x.position IS NOT NULL AND (x.before IS NULL OR x.before > x.position)",
        ),
        check(
            "W1",
            "every change that an active hook is told of has its delivery, up to the cursor",
            "SELECT 'hook ' || h.id || ' position ' || e.position FROM hooks h CROSS JOIN hook_cursor c JOIN events e \
             ON e.position > h.from_position AND e.position > h.types_from AND e.position <= c.position AND e.at_us >= c.swept_us \
             WHERE h.is_active = TRUE AND h.event_types LIKE '%\"' || e.type || '\"%' AND NOT EXISTS (SELECT 1 \
             FROM hook_deliveries d WHERE d.hook_id = h.id AND d.entity = e.entity AND d.entity_id = e.entity_id \
             AND d.position = e.position AND d.part = 0)",
        ),
        check(
            "W2",
            "no hook is told of a change before one of the same record",
            "SELECT 'delivery ' || b.id FROM hook_deliveries a JOIN hook_deliveries b ON b.hook_id = a.hook_id \
             AND b.entity = a.entity AND b.entity_id = a.entity_id AND (a.position, a.part) < (b.position, b.part) \
             WHERE b.attempts > 0 AND a.state = 'waiting' AND a.attempts = 0 AND a.created_us <= b.created_us",
        ),
        check(
            "W3",
            "a delivery's tries are kept, and one that ended has a last one",
            "SELECT 'delivery ' || d.id FROM hook_deliveries d LEFT JOIN (SELECT delivery_id, COUNT(*) AS n, MAX(n) AS last \
             FROM hook_attempts GROUP BY delivery_id) t ON t.delivery_id = d.id WHERE d.attempts <> COALESCE(t.n, 0) \
             OR d.attempts <> COALESCE(t.last, 0) OR (d.state <> 'waiting' AND d.attempts = 0) \
             OR (d.state = 'waiting') <> (d.finished_us IS NULL)",
        ),
        check(
            "C2",
            "no effect is without its command",
            "SELECT 'ledger row ' || l.id FROM stock_ledger l LEFT JOIN commands c ON c.id = l.command_id WHERE c.id IS NULL \
             UNION ALL SELECT 'log row ' || l.id FROM transition_log l LEFT JOIN commands c ON c.id = l.command_id \
             WHERE c.id IS NULL UNION ALL SELECT 'event ' || e.id FROM events e LEFT JOIN commands c \
             ON c.id = e.command_id WHERE c.id IS NULL UNION ALL SELECT 'audit entry ' || a.id FROM audit_log a \
             LEFT JOIN commands c ON c.id = a.command_id WHERE c.id IS NULL",
        ),
        check(
            "C3",
            "one command takes a record into a state at most once",
            "SELECT entity || ' ' || entity_id || ' in command ' || command_id FROM transition_log \
             GROUP BY command_id, entity, entity_id, new_state HAVING COUNT(*) > 1",
        ),
    ];
    for (id, entity, table) in [
        ("E4", "order", "orders"),
        ("E5", "package", "packages"),
        ("E6", "stock_location", "locations"),
        ("E7", "transfer", "transfers"),
        ("E8", "shipment", "shipments"),
    ] {
        let sql = format!(
            "SELECT '{entity} ' || r.id FROM {table} r LEFT JOIN (SELECT entity_id, MAX(seq) m FROM events \
             WHERE entity = '{entity}' GROUP BY entity_id) e ON e.entity_id = r.id WHERE r.event_seq <> COALESCE(e.m, 0)"
        );
        all.push(check(id, "a record's row shows its last event", sql));
    }
    all
}
