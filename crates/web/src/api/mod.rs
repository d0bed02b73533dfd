//! The JSON API, one file a noun. Documented addresses, keys and codes stay exactly as they are
//! published; what is marked "Ours" in the description is this product's own.

pub(crate) mod access;
pub(crate) mod carriers;
pub(crate) mod events;
pub(crate) mod hooks;
pub(crate) mod orders;
pub(crate) mod packages;
pub(crate) mod places;
pub(crate) mod planning;
pub(crate) mod rules;
pub(crate) mod setup;
pub(crate) mod stock;
pub(crate) mod upkeep;

use axum::routing::{get, post, put};
use oms_core::permissions::Permission as P;
use oms_store::lists::{logs as log_lists, tables, transfers as transfer_lists};
use oms_store::orders::order_views;
use oms_store::packages as package_lists;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa_axum::routes;

use crate::input::{BULK_BODY_BYTES, WEBHOOK_BODY_BYTES};
use crate::problem::{AccessErrorBody, ErrorBody};
use crate::routes::Routes;
use crate::state::WebState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Quartermaster",
        description = "Order management: orders in, packages out.\n\nSend `Authorization: Token <key>` (or `Bearer <key>`). \
                       Lists answer `{count, next, previous, results}`. Errors are \
                       `{\"error\": {\"<field>\": [\"<message>\"], \"code\": \"<code>\"}, \"status_code\": <status>}`. \
                       Every POST that changes something takes an `Idempotency-Key` of 1 to 255 visible characters: \
                       the same key with the same body gives the same answer for a day and happens once. Addresses \
                       work with and without the slash at their end. Parts marked **Ours** are not in any published \
                       contract."
    ),
    components(schemas(ErrorBody, AccessErrorBody)),
    security(("token" = []))
)]
struct Document;

/// Every route of the API.
pub(crate) fn routes(state: WebState) -> Routes {
    let mut document = Document::openapi();
    let token = ApiKeyValue::with_description("Authorization", "`Token <key>` or `Bearer <key>`.");
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::ApiKey(ApiKey::Header(token)));
    let routes = Routes::new(state, document)
        .add(P::Public, routes!(upkeep::health::live))
        .add(P::Public, routes!(upkeep::health::ready))
        .add(P::Public, routes!(access::sessions::login))
        .add(P::SignedIn, routes!(access::sessions::active_user))
        .add(P::SettingsRead, routes!(setup::settings::list))
        .add(P::SettingsWrite, routes!(setup::settings::create))
        .add(P::SettingsRead, routes!(setup::settings::get))
        .add(P::SettingsWrite, routes!(setup::settings::put, setup::settings::patch))
        .add(P::SetupRun, routes!(setup::steps::list))
        .add(P::SetupRun, routes!(setup::orders))
        .add(P::SetupRun, routes!(setup::hub_hooks::list))
        .add(P::SetupRun, routes!(setup::hub_hooks::switch))
        .add(P::SetupRun, routes!(setup::is_required))
        .add(P::SetupRun, routes!(setup::execute))
        .add(P::SetupRun, routes!(setup::status))
        .add(P::SetupRun, routes!(setup::stores_is_required))
        .add(P::SetupRun, routes!(setup::stores_execute))
        .add(P::SetupRun, routes!(setup::stores_status))
        .add(P::SetupRun, routes!(setup::channels_is_required))
        .add(P::SetupRun, routes!(setup::channels_execute))
        .add(P::SetupRun, routes!(setup::channels_status))
        .add(P::EnginesRead, routes!(stock::engines::types))
        .add(P::EnginesWrite, routes!(stock::engines::define))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(orders::webhooks::orders))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(orders::webhooks::stores))
        .list(P::OrdersRead, &oms_store::orders::hub_orders::LIST, routes!(orders::hub_records::orders))
        .add(P::OrdersWrite, routes!(orders::hub_records::retry_order))
        .list(P::OrdersRead, &oms_store::orders::hub_changes::LIST, routes!(orders::hub_records::changes))
        .add(P::OrdersWrite, routes!(orders::hub_records::retry_change))
        .add(P::OrdersWrite, routes!(orders::hub_records::close_change))
        .list(P::OrdersRead, &oms_store::orders::inbox::LIST, routes!(orders::hub_records::arrivals))
        .add(P::OrdersWrite, routes!(orders::hub_records::retry_arrival))
        .list(P::SettingsRead, &oms_store::upkeep::jobs::LIST, routes!(upkeep::jobs::list))
        .add(P::SettingsWrite, routes!(upkeep::jobs::retry))
        .add(P::SettingsWrite, routes!(upkeep::jobs::drop));
    let routes = routes
        .add_sized(P::OrdersWrite, BULK_BODY_BYTES, routes!(orders::create))
        .list(P::OrdersRead, &order_views::ORDERS, routes!(orders::list))
        .add(P::OrdersRead, routes!(orders::get))
        .add(P::OrdersRead, routes!(upkeep::search::find))
        .add(P::EventsRead, routes!(events::read))
        .add(P::CargoRead, routes!(carriers::cargo_companies::available))
        .list(
            P::CargoRead,
            &oms_store::carriers::cargo_companies::LIST,
            routes!(carriers::cargo_companies::list),
        )
        .add(P::CargoWrite, routes!(carriers::cargo_companies::create))
        .add(P::CargoRead, routes!(carriers::cargo_companies::get))
        .add(
            P::CargoWrite,
            routes!(
                carriers::cargo_companies::put,
                carriers::cargo_companies::patch,
                carriers::cargo_companies::delete
            ),
        )
        .list(P::CargoRead, &oms_store::carriers::conditions::LIST, routes!(carriers::conditions::list))
        .add(P::CargoWrite, routes!(carriers::conditions::create))
        .add(P::CargoRead, routes!(carriers::conditions::get))
        .add(P::CargoWrite, routes!(carriers::conditions::put, carriers::conditions::delete))
        .list(P::HooksRead, &oms_store::hooks::LIST, routes!(hooks::list))
        .add(P::HooksWrite, routes!(hooks::create))
        .add(P::HooksRead, routes!(hooks::get))
        .add(P::HooksWrite, routes!(hooks::put, hooks::patch, hooks::delete))
        .page(P::HooksRead, "/whisperer/hooks/", &["GET"], get(hooks::list))
        .page(P::HooksWrite, "/whisperer/hooks/", &["POST"], post(hooks::create))
        .page(P::HooksRead, "/whisperer/hooks/{id}/", &["GET"], get(hooks::get))
        .page(
            P::HooksWrite,
            "/whisperer/hooks/{id}/",
            &["PUT", "PATCH", "DELETE"],
            put(hooks::put).patch(hooks::patch).delete(hooks::delete),
        )
        .list(P::HooksRead, &oms_store::hooks::deliveries::LIST, routes!(hooks::deliveries::list))
        .add(P::HooksRead, routes!(hooks::deliveries::get))
        .add(P::HooksWrite, routes!(hooks::deliveries::publish))
        .add(P::HooksWrite, routes!(hooks::deliveries::resend))
        .add(P::HooksWrite, routes!(hooks::deliveries::resend_range))
        .list(P::PlansRead, &tables::PLANS, routes!(planning::plans::list))
        .add(P::PlansRead, routes!(planning::plans::get))
        .list(P::ScenariosRead, &tables::SCENARIOS, routes!(rules::scenarios::list))
        .add(P::ScenariosWrite, routes!(rules::scenarios::create))
        .add(P::ScenariosRead, routes!(rules::scenarios::get))
        .add(P::ScenariosWrite, routes!(rules::scenarios::put))
        .list(P::ScenariosRead, &tables::SCENARIOS, routes!(rules::scenarios::list_transfer))
        .add(P::ScenariosWrite, routes!(rules::scenarios::create_transfer))
        .add(P::ScenariosRead, routes!(rules::scenarios::get_transfer))
        .add(P::ScenariosWrite, routes!(rules::scenarios::put_transfer))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::versions))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::version))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::draft))
        .add(
            P::ScenariosWrite,
            routes!(rules::scenario_versions::put_draft, rules::scenario_versions::delete_draft),
        )
        .add(P::ScenariosWrite, routes!(rules::scenario_versions::publish))
        .add(P::ScenariosWrite, routes!(rules::scenario_versions::roll_back))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::lint_stored))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::lint))
        .add(P::ScenariosRead, routes!(rules::scenario_versions::lint_transfer))
        .add(P::PlansRead, routes!(planning::dry_runs::run))
        .add(P::PlansRead, routes!(planning::decisions::counterfactuals))
        .add(P::PlansRead, routes!(planning::decisions::replay))
        .add(P::PlansRead, routes!(planning::decisions::compare))
        .add(P::PlansRead, routes!(planning::decisions::order_stock_info))
        .add(P::PackagesWrite, routes!(planning::decisions::replan))
        .list(P::PlansRead, &oms_store::planning::exclusions::LIST, routes!(planning::exclusions::list))
        .add(P::PackagesWrite, routes!(planning::exclusions::lift))
        .list(P::PackagesRead, &package_lists::LIST, routes!(packages::list))
        .list(P::PackagesRead, &package_lists::LIST, routes!(packages::short))
        .add(P::PackagesRead, routes!(packages::get))
        .list(P::PackagesRead, &package_lists::ITEM_LIST, routes!(packages::package_items::list))
        .add(P::PackagesRead, routes!(packages::package_items::get))
        .list(P::PackagesRead, &transfer_lists::LIST, routes!(packages::transfers::list))
        .list(P::PackagesRead, &transfer_lists::LIST, routes!(packages::transfers::short))
        .add(P::PackagesRead, routes!(packages::transfers::get))
        .list(P::PackagesRead, &transfer_lists::ITEM_LIST, routes!(packages::transfer_items::list))
        .list(P::PackagesRead, &transfer_lists::ITEM_LIST, routes!(packages::transfer_items::list_simple))
        .add(P::PackagesRead, routes!(packages::transfer_items::get))
        .list(P::PackagesRead, &log_lists::LIST, routes!(access::logs::list))
        .add(P::PackagesRead, routes!(access::logs::get))
        .add(P::PackagesRead, routes!(upkeep::reports::list))
        .add(P::PackagesRead, routes!(upkeep::reports::get));
    let routes = routes
        .add(P::PackagesWrite, routes!(packages::commands::package))
        .add(P::PackagesWrite, routes!(packages::commands::transfer))
        .add(P::PackagesWrite, routes!(packages::commands::pickup_code))
        .list(P::PackagesRead, &oms_store::rules::denial_reasons::LIST, routes!(rules::denial_reasons::list))
        .add(P::SettingsWrite, routes!(rules::denial_reasons::create))
        .add(P::PackagesRead, routes!(rules::denial_reasons::get))
        .add(P::SettingsWrite, routes!(rules::denial_reasons::patch, rules::denial_reasons::delete))
        .list(P::StockRead, &oms_store::stock::discrepancies::LIST, routes!(stock::discrepancies::list))
        .add(P::StockWrite, routes!(stock::discrepancies::close))
        .list(P::SettingsRead, &oms_store::rules::transitions::LIST, routes!(rules::transitions::list))
        .add(P::SettingsWrite, routes!(rules::transitions::create))
        .add(P::SettingsRead, routes!(rules::transitions::codes))
        .add(P::SettingsRead, routes!(rules::transitions::flowchart))
        .add(P::SettingsRead, routes!(rules::transitions::get))
        .add(P::SettingsWrite, routes!(rules::transitions::put, rules::transitions::delete))
        .add(P::PackagesRead, routes!(rules::transitions::states_list))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(orders::cancellations::receive))
        .list(P::OrdersRead, &oms_store::orders::cancellations::LIST, routes!(orders::cancellations::list))
        .add(P::OrdersRead, routes!(orders::cancellations::get))
        .add(P::OrdersWrite, routes!(orders::cancellations::cancel))
        .list(
            P::OrdersRead,
            &oms_store::orders::cancellations::REASONS,
            routes!(orders::cancellations::reasons),
        )
        .add(P::SettingsWrite, routes!(orders::cancellations::pull_reasons));
    routes
        .list(P::LocationsRead, &tables::LOCATIONS, routes!(places::locations::list))
        .add(P::LocationsWrite, routes!(places::locations::create))
        .list(P::LocationsRead, &tables::LOCATIONS, routes!(places::locations::list_simple))
        .add(P::LocationsRead, routes!(places::locations::get))
        .add(
            P::LocationsWrite,
            routes!(places::locations::put, places::locations::patch, places::locations::delete),
        )
        .list(P::StockRead, &tables::STOCKS, routes!(stock::stocks::list))
        .add_sized(P::StockWrite, BULK_BODY_BYTES, routes!(stock::stocks::set))
        .add(P::StockRead, routes!(stock::stocks::availability))
        .list(P::SettingsRead, &tables::SCHEDULES, routes!(rules::schedules::list))
        .add(P::SettingsWrite, routes!(rules::schedules::create))
        .add(P::SettingsRead, routes!(rules::schedules::get))
        .add(P::SettingsWrite, routes!(rules::schedules::put, rules::schedules::delete))
        .add(P::SettingsWrite, routes!(rules::schedules::run))
        .list(P::StockRead, &tables::SAFETY_STOCKS, routes!(stock::safety_stocks::list))
        .add(P::StockWrite, routes!(stock::safety_stocks::set))
        .add(P::StockWrite, routes!(stock::safety_stocks::delete))
        .list(P::EnginesRead, &tables::ENGINES, routes!(stock::engines::list))
        .add(P::EnginesWrite, routes!(stock::engines::create))
        .add(P::EnginesRead, routes!(stock::engines::get))
        .add(P::EnginesWrite, routes!(stock::engines::put))
        .add(P::EnginesWrite, routes!(stock::engines::test))
        .list(P::LocationsRead, &tables::CHANNELS, routes!(places::channels::list))
        .add(P::LocationsWrite, routes!(places::channels::create))
        .add(P::LocationsRead, routes!(places::channels::get))
        .add(P::LocationsWrite, routes!(places::channels::patch))
        .list(P::LocationsRead, places::geography::table(0), routes!(places::geography::countries))
        .add(P::LocationsRead, routes!(places::geography::country))
        .list(P::LocationsRead, places::geography::table(1), routes!(places::geography::cities))
        .add(P::LocationsRead, routes!(places::geography::city))
        .list(P::LocationsRead, places::geography::table(2), routes!(places::geography::townships))
        .add(P::LocationsRead, routes!(places::geography::township))
        .list(P::LocationsRead, places::geography::table(3), routes!(places::geography::districts))
        .add(P::LocationsRead, routes!(places::geography::district))
}
