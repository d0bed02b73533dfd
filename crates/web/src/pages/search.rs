//! Search: one field for numbers of orders, packages and transfers.

use axum::extract::State;
use axum::response::Response;
use maud::html;
use oms_app::packages::transfer_views;
use oms_app::{packages, views};
use oms_store::lists::{Ask, List};

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::visit::Visit;
use crate::ui::{badge, shell};

/// Results of each kind.
const EACH: i64 = 10;

fn ask(list: &List, filter: &str, text: &str) -> Result<Ask, Problem> {
    let conditions = views::conditions(list, &[(filter.to_owned(), text.to_owned())])?;
    Ok(Ask { conditions, page: 1, limit: EACH, ..Ask::default() })
}

/// What begins with the text. One result that fits wholly is opened at once.
pub(crate) async fn show(State(state): State<WebState>, visit: Visit) -> Result<Response, Problem> {
    let text = visit.asked("q").map(str::trim).unwrap_or_default().to_owned();
    let mut found: Vec<(String, maud::Markup, String)> = Vec::new();
    if !text.is_empty() {
        let app = &state.app;
        let orders =
            views::orders(app, &ask(&oms_store::orders::order_views::ORDERS, "number", &text)?).await?;
        for o in &orders.page.rows {
            let channel = orders.nested.channels.get(&o.channel_id).map_or("", |c| c.name.as_str());
            found.push((
                o.number.clone(),
                html! { (visit.t("nav-orders")) " · " (channel) },
                visit.href(&format!("orders/{}", o.id)),
            ));
        }
        for p in packages::short(app, &ask(&oms_store::packages::LIST, "number", &text)?).await?.rows {
            let place = html! { (visit.t("nav-packages")) " · " (p.erp_code) " · " (badge::package(&visit, p.package.state)) };
            found.push((p.package.number, place, visit.href(&format!("packages/{}", p.package.id))));
        }
        for t in
            transfer_views::short(app, &ask(&oms_store::lists::transfers::LIST, "number", &text)?).await?.rows
        {
            let place = html! { (visit.t("nav-transfers")) " · " (t.from_erp_code) " → " (t.to_erp_code) };
            found.push((t.number, place, visit.href(&format!("transfers/{}", t.id))));
        }
    }
    if let [(number, _, href)] = found.as_slice()
        && *number == text
        && visit.asked("list").is_none()
    {
        return Ok(shell::see_other(href));
    }
    let content = html! {
        h1 { (visit.say("app-results", &[&text])) }
        @if found.is_empty() { div.empty { p { (visit.t("app-nothing_found")) } } }
        ul.results { @for (number, about, href) in &found { li { a href=(href) { (number) } " " span.soft { (about) } } } }
    };
    Ok(shell::page(&visit, visit.t("app-search"), &content))
}
