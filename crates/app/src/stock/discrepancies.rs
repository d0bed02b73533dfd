//! Discrepancies: units the books have and the shelf has not, until somebody says what became of them.

use std::collections::HashMap;

use oms_core::refusal::Refusal;
use oms_store::access::logs::Actor;
use oms_store::ids::IdKind;
use oms_store::lists::{self, Ask, Page};
use oms_store::orders::order_views::Product;
use oms_store::packages::commands::{Doer, Ids, Work, Written};
use oms_store::stock::discrepancies::{self as store, Discrepancy};
use oms_store::{StoreError, Tx};

use crate::{App, Result};

/// A page of discrepancies with their products and the codes of their locations.
pub struct Set {
    pub page: Page<Discrepancy>,
    pub products: HashMap<i64, Product>,
    pub erp_codes: HashMap<i64, String>,
}

/// A page of discrepancies.
pub async fn list(app: &App, ask: &Ask) -> Result<Set> {
    let mut tx = app.store.read().await?;
    let page = lists::page(&mut tx, &store::LIST, store::COLUMNS, ask).await?;
    let rows = page.rows.iter().map(store::read).collect::<Result<Vec<_>, _>>()?;
    let products = rows.iter().map(|d| d.product_id).collect();
    let locations = rows.iter().map(|d| d.location_id).collect();
    let erp_codes = oms_store::places::locations::by_ids(&mut tx, locations).await?;
    Ok(Set {
        products: oms_store::orders::order_views::products(&mut tx, products).await?,
        erp_codes: erp_codes.into_iter().map(|(id, l)| (id, l.properties.erp_code)).collect(),
        page: page.with(rows),
    })
}

/// Ids that closing one needs.
pub async fn ids(app: &App) -> Result<Ids> {
    Ok(Ids {
        rows: app.store.take_ids(IdKind::Row, 4).await?,
        packages: 0..,
        items: 0..,
        discrepancies: 0..,
        shipments: 0..,
    })
}

/// Says what became of the units: found on the shelf, or gone. Once.
pub async fn close(tx: &mut Tx, mut ids: Ids, actor: Actor, id: i64, was_found: bool) -> Result<()> {
    let found = store::hold(tx, id).await?.ok_or_else(|| Refusal::not_found("discrepancy", id))?;
    if found.state != "open" {
        let message = format!("Discrepancy {id} was closed before, as {}.", found.state);
        return Err(Refusal::conflict("closed", message).into());
    }
    let fed = oms_store::stock::engines::owners(tx).await?.into_keys().collect();
    let doer = Doer { actor, attributes: "{}".into(), personal: None };
    let mut work = Work::new(&mut ids, fed);
    work.command(&doer, "discrepancy.close");
    work.close(&found, was_found, &doer);
    match work.run(tx, &[]).await? {
        Written::Done(slots) => Ok(slots.write(tx).await?),
        Written::Short(_) => {
            Err(StoreError::Corrupt("closing a discrepancy asks for no stock".into()).into())
        }
    }
}
