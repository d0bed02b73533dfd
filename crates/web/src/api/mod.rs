//! The JSON API, one file a noun. Documented addresses, keys and codes stay exactly as they are
//! published; what is marked "Ours" in the description is this product's own.

mod addresses;
mod cancellations;
mod channels;
mod commands;
mod decisions;
mod denial_reasons;
mod discrepancies;
mod dry_runs;
pub(crate) mod engines;
mod exclusions;
mod geography;
mod health;
mod hub_records;
mod jobs;
mod locations;
pub(crate) mod locations_input;
mod logs;
mod orders;
mod orders_view;
mod package_items;
mod packages;
mod plans;
mod reports;
mod safety_stocks;
mod scenario_versions;
pub(crate) mod scenarios;
pub(crate) mod schedules;
mod search;
pub(crate) mod sessions;
mod settings;
mod setup;
mod states;
mod stocks;
mod transfer_items;
mod transfers;
pub(crate) mod transitions;
mod webhooks;

use oms_core::permissions::Permission as P;
use oms_store::lists::{logs as log_lists, tables, transfers as transfer_lists};
use oms_store::{order_views, packages as package_lists};
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
        .add(P::Public, routes!(health::live))
        .add(P::Public, routes!(health::ready))
        .add(P::Public, routes!(sessions::login))
        .add(P::SignedIn, routes!(sessions::active_user))
        .add(P::SettingsRead, routes!(settings::list))
        .add(P::SettingsWrite, routes!(settings::create))
        .add(P::SettingsRead, routes!(settings::get))
        .add(P::SettingsWrite, routes!(settings::put, settings::patch))
        .add(P::SetupRun, routes!(setup::orders))
        .add(P::SetupRun, routes!(setup::is_required))
        .add(P::SetupRun, routes!(setup::execute))
        .add(P::SetupRun, routes!(setup::status))
        .add(P::SetupRun, routes!(setup::stores_is_required))
        .add(P::SetupRun, routes!(setup::stores_execute))
        .add(P::SetupRun, routes!(setup::stores_status))
        .add(P::SetupRun, routes!(setup::channels_is_required))
        .add(P::SetupRun, routes!(setup::channels_execute))
        .add(P::SetupRun, routes!(setup::channels_status))
        .add(P::EnginesRead, routes!(engines::types))
        .add(P::EnginesWrite, routes!(engines::define))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(webhooks::orders))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(webhooks::stores))
        .list(P::OrdersRead, &oms_store::hub_orders::LIST, routes!(hub_records::orders))
        .add(P::OrdersWrite, routes!(hub_records::retry_order))
        .list(P::OrdersRead, &oms_store::hub_changes::LIST, routes!(hub_records::changes))
        .add(P::OrdersWrite, routes!(hub_records::retry_change))
        .add(P::OrdersWrite, routes!(hub_records::close_change))
        .list(P::OrdersRead, &oms_store::inbox::LIST, routes!(hub_records::arrivals))
        .add(P::OrdersWrite, routes!(hub_records::retry_arrival))
        .list(P::SettingsRead, &oms_store::jobs::LIST, routes!(jobs::list))
        .add(P::SettingsWrite, routes!(jobs::retry))
        .add(P::SettingsWrite, routes!(jobs::drop));
    let routes = routes
        .add_sized(P::OrdersWrite, BULK_BODY_BYTES, routes!(orders::create))
        .list(P::OrdersRead, &order_views::ORDERS, routes!(orders::list))
        .add(P::OrdersRead, routes!(orders::get))
        .add(P::OrdersRead, routes!(search::find))
        .list(P::PlansRead, &tables::PLANS, routes!(plans::list))
        .add(P::PlansRead, routes!(plans::get))
        .list(P::ScenariosRead, &tables::SCENARIOS, routes!(scenarios::list))
        .add(P::ScenariosWrite, routes!(scenarios::create))
        .add(P::ScenariosRead, routes!(scenarios::get))
        .add(P::ScenariosWrite, routes!(scenarios::put))
        .list(P::ScenariosRead, &tables::SCENARIOS, routes!(scenarios::list_transfer))
        .add(P::ScenariosWrite, routes!(scenarios::create_transfer))
        .add(P::ScenariosRead, routes!(scenarios::get_transfer))
        .add(P::ScenariosWrite, routes!(scenarios::put_transfer))
        .add(P::ScenariosRead, routes!(scenario_versions::versions))
        .add(P::ScenariosRead, routes!(scenario_versions::version))
        .add(P::ScenariosRead, routes!(scenario_versions::draft))
        .add(P::ScenariosWrite, routes!(scenario_versions::put_draft, scenario_versions::delete_draft))
        .add(P::ScenariosWrite, routes!(scenario_versions::publish))
        .add(P::ScenariosWrite, routes!(scenario_versions::roll_back))
        .add(P::ScenariosRead, routes!(scenario_versions::lint_stored))
        .add(P::ScenariosRead, routes!(scenario_versions::lint))
        .add(P::ScenariosRead, routes!(scenario_versions::lint_transfer))
        .add(P::PlansRead, routes!(dry_runs::run))
        .add(P::PlansRead, routes!(decisions::counterfactuals))
        .add(P::PlansRead, routes!(decisions::replay))
        .add(P::PlansRead, routes!(decisions::compare))
        .add(P::PlansRead, routes!(decisions::order_stock_info))
        .add(P::PackagesWrite, routes!(decisions::replan))
        .list(P::PlansRead, &oms_store::exclusions::LIST, routes!(exclusions::list))
        .add(P::PackagesWrite, routes!(exclusions::lift))
        .list(P::PackagesRead, &package_lists::LIST, routes!(packages::list))
        .list(P::PackagesRead, &package_lists::LIST, routes!(packages::short))
        .add(P::PackagesRead, routes!(packages::get))
        .list(P::PackagesRead, &package_lists::ITEM_LIST, routes!(package_items::list))
        .add(P::PackagesRead, routes!(package_items::get))
        .list(P::PackagesRead, &transfer_lists::LIST, routes!(transfers::list))
        .list(P::PackagesRead, &transfer_lists::LIST, routes!(transfers::short))
        .add(P::PackagesRead, routes!(transfers::get))
        .list(P::PackagesRead, &transfer_lists::ITEM_LIST, routes!(transfer_items::list))
        .list(P::PackagesRead, &transfer_lists::ITEM_LIST, routes!(transfer_items::list_simple))
        .add(P::PackagesRead, routes!(transfer_items::get))
        .list(P::PackagesRead, &log_lists::LIST, routes!(logs::list))
        .add(P::PackagesRead, routes!(logs::get))
        .add(P::PackagesRead, routes!(reports::list))
        .add(P::PackagesRead, routes!(reports::get));
    let routes = routes
        .add(P::PackagesWrite, routes!(commands::package))
        .add(P::PackagesWrite, routes!(commands::transfer))
        .add(P::PackagesWrite, routes!(commands::pickup_code))
        .list(P::PackagesRead, &oms_store::denial_reasons::LIST, routes!(denial_reasons::list))
        .add(P::SettingsWrite, routes!(denial_reasons::create))
        .add(P::PackagesRead, routes!(denial_reasons::get))
        .add(P::SettingsWrite, routes!(denial_reasons::patch, denial_reasons::delete))
        .list(P::StockRead, &oms_store::discrepancies::LIST, routes!(discrepancies::list))
        .add(P::StockWrite, routes!(discrepancies::close))
        .list(P::SettingsRead, &oms_store::transitions::LIST, routes!(transitions::list))
        .add(P::SettingsWrite, routes!(transitions::create))
        .add(P::SettingsRead, routes!(transitions::codes))
        .add(P::SettingsRead, routes!(transitions::flowchart))
        .add(P::SettingsRead, routes!(transitions::get))
        .add(P::SettingsWrite, routes!(transitions::put, transitions::delete))
        .add(P::PackagesRead, routes!(transitions::states_list))
        .add_sized(P::HubWebhooks, WEBHOOK_BODY_BYTES, routes!(cancellations::receive))
        .list(P::OrdersRead, &oms_store::cancellations::LIST, routes!(cancellations::list))
        .add(P::OrdersRead, routes!(cancellations::get))
        .add(P::OrdersWrite, routes!(cancellations::cancel))
        .list(P::OrdersRead, &oms_store::cancellations::REASONS, routes!(cancellations::reasons))
        .add(P::SettingsWrite, routes!(cancellations::pull_reasons));
    routes
        .list(P::LocationsRead, &tables::LOCATIONS, routes!(locations::list))
        .add(P::LocationsWrite, routes!(locations::create))
        .list(P::LocationsRead, &tables::LOCATIONS, routes!(locations::list_simple))
        .add(P::LocationsRead, routes!(locations::get))
        .add(P::LocationsWrite, routes!(locations::put, locations::patch, locations::delete))
        .list(P::StockRead, &tables::STOCKS, routes!(stocks::list))
        .add_sized(P::StockWrite, BULK_BODY_BYTES, routes!(stocks::set))
        .add(P::StockRead, routes!(stocks::availability))
        .list(P::SettingsRead, &tables::SCHEDULES, routes!(schedules::list))
        .add(P::SettingsWrite, routes!(schedules::create))
        .add(P::SettingsRead, routes!(schedules::get))
        .add(P::SettingsWrite, routes!(schedules::put, schedules::delete))
        .add(P::SettingsWrite, routes!(schedules::run))
        .list(P::StockRead, &tables::SAFETY_STOCKS, routes!(safety_stocks::list))
        .add(P::StockWrite, routes!(safety_stocks::set))
        .add(P::StockWrite, routes!(safety_stocks::delete))
        .list(P::EnginesRead, &tables::ENGINES, routes!(engines::list))
        .add(P::EnginesWrite, routes!(engines::create))
        .add(P::EnginesRead, routes!(engines::get))
        .add(P::EnginesWrite, routes!(engines::put))
        .add(P::EnginesWrite, routes!(engines::test))
        .list(P::LocationsRead, &tables::CHANNELS, routes!(channels::list))
        .add(P::LocationsWrite, routes!(channels::create))
        .add(P::LocationsRead, routes!(channels::get))
        .add(P::LocationsWrite, routes!(channels::patch))
        .list(P::LocationsRead, geography::table(0), routes!(geography::countries))
        .add(P::LocationsRead, routes!(geography::country))
        .list(P::LocationsRead, geography::table(1), routes!(geography::cities))
        .add(P::LocationsRead, routes!(geography::city))
        .list(P::LocationsRead, geography::table(2), routes!(geography::townships))
        .add(P::LocationsRead, routes!(geography::township))
        .list(P::LocationsRead, geography::table(3), routes!(geography::districts))
        .add(P::LocationsRead, routes!(geography::district))
}
