//! Sales channels, copied from the hub.

use std::collections::HashMap;

use crate::batch::Rows;
use crate::{StoreError, Tx, args};

/// A channel of the hub to be copied.
#[derive(Debug, Clone)]
pub struct NewChannel {
    /// Used only if the channel is new.
    pub id: i64,
    /// None for a channel made here, for brands without a hub.
    pub omnitron_id: Option<i64>,
    pub name: String,
    pub channel_type: String,
    /// JSON.
    pub configuration: String,
    pub is_active: bool,
}

/// A channel as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub id: i64,
    pub omnitron_id: Option<i64>,
    pub name: String,
    pub channel_type: String,
    pub configuration: serde_json::Value,
    pub is_active: bool,
    pub created_us: i64,
    pub modified_us: i64,
}

/// What a SELECT of channels reads, for [`read`].
pub const COLUMNS: &str =
    "t.id, t.omnitron_id, t.name, t.channel_type, t.configuration, t.is_active, t.created_us, t.modified_us";

/// Reads a row of [`COLUMNS`].
pub fn read(row: &crate::Row) -> Result<Channel, StoreError> {
    let mut c = row.cols();
    Ok(Channel {
        id: c.i64()?,
        omnitron_id: c.opt_i64()?,
        name: c.text()?,
        channel_type: c.text()?,
        configuration: c.json()?,
        is_active: c.bool()?,
        created_us: c.i64()?,
        modified_us: c.i64()?,
    })
}

/// Writes channels, new or changed.
pub async fn upsert(tx: &mut Tx, channels: &[NewChannel], now_us: i64) -> Result<(), StoreError> {
    let mut rows = Rows::new(8);
    for c in channels {
        let row = args![
            c.id,
            c.omnitron_id,
            &c.name,
            &c.channel_type,
            &c.configuration,
            c.is_active,
            now_us,
            now_us
        ];
        rows.push(row);
    }
    let head = "INSERT INTO channels (id, omnitron_id, name, channel_type, configuration, is_active, created_us, modified_us)";
    let tail = "ON CONFLICT (omnitron_id) DO UPDATE SET name = excluded.name, channel_type = excluded.channel_type, \
                configuration = excluded.configuration, is_active = excluded.is_active, modified_us = excluded.modified_us";
    tx.insert(head, rows, tail).await?;
    Ok(())
}

/// Gives a channel made here other properties.
pub async fn update(tx: &mut Tx, channel: &Channel, now_us: i64) -> Result<(), StoreError> {
    let sql = "UPDATE channels SET name = $2, channel_type = $3, configuration = $4, is_active = $5, modified_us = $6 \
               WHERE id = $1";
    let c = channel;
    let values = args![c.id, &c.name, &c.channel_type, c.configuration.to_string(), c.is_active, now_us];
    tx.execute(sql, values).await?;
    Ok(())
}

/// Every channel.
pub async fn all(tx: &mut Tx) -> Result<Vec<Channel>, StoreError> {
    tx.fetch(format!("SELECT {COLUMNS} FROM channels t ORDER BY t.id"), vec![])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Channels by id.
pub async fn by_ids(tx: &mut Tx, ids: Vec<i64>) -> Result<HashMap<i64, Channel>, StoreError> {
    let rows = tx.fetch_in(&format!("SELECT {COLUMNS} FROM channels t WHERE t.id"), ids, "").await?;
    rows.iter().map(|r| read(r).map(|c| (c.id, c))).collect()
}
