//! The screens of the back office, one file a noun. A new screen is a file here, a line in [`add`], and a line in
//! the navigation (`ui::shell::NAVIGATION`); see CONTRIBUTING.md.

pub(crate) mod assets;
mod bulk;
mod cargo_companies;
mod change;
mod channels;
mod commands;
mod connections;
mod denial_reasons;
mod engines;
mod first_admin;
mod flow;
mod hook_events;
mod hooks;
mod hub_hooks;
mod hub_records;
mod jobs;
mod live;
mod locations;
mod logs;
mod me;
mod orders;
mod packages;
mod places;
mod scenario_form;
mod scenarios;
mod schedules;
mod search;
mod settings;
mod setup;
mod sign_in;
mod stock;
mod timeline;
mod today;
mod transfers;
mod users;
mod why;

use axum::routing::{get, post};
use oms_core::permissions::Permission as P;

use crate::routes::Routes;

/// Adds the screens.
pub(crate) fn add(routes: Routes) -> Routes {
    let routes = administration(supply(open(routes)));
    let routes = routes
        .screen(P::SignedIn, "/logout", &["POST"], post(sign_in::leave))
        .screen(P::SignedIn, "/{lang}/oms/me", &["GET"], get(me::show))
        .screen(P::SignedIn, "/{lang}/oms/preferences", &["POST"], post(me::prefer))
        .screen(P::SignedIn, "/{lang}/oms/views", &["POST"], post(me::keep_view))
        .screen(P::SignedIn, "/{lang}/oms/views/{id}/forget", &["POST"], post(me::forget_view))
        .screen(P::PackagesRead, "/{lang}/oms/live", &["GET"], get(live::stream))
        .screen(P::OrdersRead, "/{lang}/oms/search", &["GET"], get(search::show))
        .screen(P::OrdersRead, "/{lang}/oms", &["GET"], get(today::show));
    routes
        .screen(P::OrdersRead, "/{lang}/oms/orders", &["GET"], get(orders::list))
        .screen(P::OrdersRead, "/{lang}/oms/orders/{id}", &["GET"], get(orders::show))
        .screen(P::PlansRead, "/{lang}/oms/orders/{id}/why", &["GET"], get(why::show))
        .screen(P::OrdersWrite, "/{lang}/oms/orders/{id}/cancel", &["POST"], post(orders::cancel))
        .screen(P::PackagesRead, "/{lang}/oms/packages", &["GET"], get(packages::list))
        .screen(P::PackagesRead, "/{lang}/oms/packages/export/{format}", &["GET"], get(packages::export))
        .screen(P::PackagesRead, "/{lang}/oms/packages/movements", &["GET"], get(today::movements))
        .screen(P::PackagesWrite, "/{lang}/oms/packages/bulk", &["POST"], post(packages::bulk))
        .screen(P::PackagesRead, "/{lang}/oms/packages/{id}", &["GET"], get(packages::show))
        .screen(P::PackagesWrite, "/{lang}/oms/packages/{id}/command", &["POST"], post(packages::command))
        .screen(P::PackagesRead, "/{lang}/oms/transfers", &["GET"], get(transfers::list))
        .screen(P::PackagesRead, "/{lang}/oms/transfers/export/{format}", &["GET"], get(transfers::export))
        .screen(P::PackagesRead, "/{lang}/oms/transfers/movements", &["GET"], get(today::transfer_movements))
        .screen(P::PackagesRead, "/{lang}/oms/bulk/{id}", &["GET"], get(bulk::show))
        .screen(P::PackagesWrite, "/{lang}/oms/bulk/{id}/again", &["POST"], post(bulk::again))
        .screen(P::PackagesWrite, "/{lang}/oms/transfers/bulk", &["POST"], post(transfers::bulk))
        .screen(P::PackagesRead, "/{lang}/oms/transfers/{id}", &["GET"], get(transfers::show))
        .screen(P::PackagesWrite, "/{lang}/oms/transfers/{id}/command", &["POST"], post(transfers::command))
}

/// Locations, stock and where both come from.
fn supply(routes: Routes) -> Routes {
    let at = |path: &str| format!("/{{lang}}/oms/{path}");
    routes
        .screen(P::LocationsRead, &at("stock-locations"), &["GET"], get(locations::list))
        .screen(P::LocationsRead, &at("stock-locations/map"), &["GET"], get(locations::on_map))
        .screen(
            P::LocationsWrite,
            &at("stock-locations/new"),
            &["GET", "POST"],
            get(locations::new).post(locations::create),
        )
        .screen(P::LocationsRead, &at("stock-locations/{id}"), &["GET"], get(locations::show))
        .screen(P::LocationsWrite, &at("stock-locations/{id}"), &["POST"], post(locations::save))
        .screen(P::StockRead, &at("stock"), &["GET"], get(stock::list))
        .screen(P::StockRead, &at("stock/{id}/at/{location}"), &["GET"], get(stock::show))
        .screen(P::StockWrite, &at("stock/{id}/at/{location}"), &["POST"], post(stock::set))
        .screen(P::StockRead, &at("discrepancies"), &["GET"], get(stock::discrepancies))
        .screen(P::StockWrite, &at("discrepancies/{id}"), &["POST"], post(stock::close))
        .screen(P::ScenariosRead, &at("scenarios/{family}"), &["GET"], get(scenarios::list))
        .screen(P::ScenariosWrite, &at("scenarios/{family}"), &["POST"], post(scenarios::create))
        .screen(P::ScenariosRead, &at("scenarios/{family}/{id}"), &["GET"], get(scenarios::edit))
        .screen(P::ScenariosWrite, &at("scenarios/{family}/{id}"), &["POST"], post(scenarios::save))
        .screen(P::ScenariosRead, &at("scenarios/{family}/{id}/preview"), &["GET"], get(scenarios::preview))
        .screen(
            P::ScenariosWrite,
            &at("scenarios/{family}/{id}/release"),
            &["POST"],
            post(scenarios::release),
        )
        .screen(P::OrdersRead, &at("hub-orders"), &["GET"], get(hub_records::orders))
        .screen(P::OrdersWrite, &at("hub-orders/{id}/retry"), &["POST"], post(hub_records::retry_order))
        .screen(P::OrdersRead, &at("hub-changes"), &["GET"], get(hub_records::changes))
        .screen(P::OrdersWrite, &at("hub-changes/{id}/{act}"), &["POST"], post(hub_records::act_on_change))
        .screen(P::EnginesRead, &at("connections"), &["GET"], get(connections::show))
        .screen(P::EnginesWrite, &at("connections/hub"), &["POST"], post(connections::ask_hub))
        .screen(P::SetupRun, &at("connections/hub-webhooks"), &["GET"], get(hub_hooks::list))
        .screen(P::SetupRun, &at("connections/hub-webhooks/{id}"), &["POST"], post(hub_hooks::switch))
        .screen(
            P::EnginesWrite,
            &at("connections/engines/new"),
            &["GET", "POST"],
            get(engines::new).post(engines::create),
        )
        .screen(
            P::EnginesWrite,
            &at("connections/engines/{id}"),
            &["GET", "POST"],
            get(engines::edit).post(engines::save),
        )
        .screen(
            P::CargoWrite,
            &at("connections/cargo/new"),
            &["GET", "POST"],
            get(cargo_companies::new).post(cargo_companies::create),
        )
        .screen(
            P::CargoWrite,
            &at("connections/cargo/{id}"),
            &["GET", "POST"],
            get(cargo_companies::edit).post(cargo_companies::save),
        )
        .screen(P::CargoWrite, &at("connections/cargo/{id}/remove"), &["POST"], post(cargo_companies::remove))
        .screen(
            P::HooksWrite,
            &at("connections/hooks/new"),
            &["GET", "POST"],
            get(hooks::new).post(hooks::create),
        )
        .screen(
            P::HooksWrite,
            &at("connections/hooks/{id}"),
            &["GET", "POST"],
            get(hooks::edit).post(hooks::save),
        )
        .screen(P::HooksWrite, &at("connections/hooks/{id}/remove"), &["POST"], post(hooks::remove))
        .screen(P::HooksWrite, &at("connections/hooks/{id}/try"), &["POST"], post(hooks::attempt))
        .screen(P::HooksWrite, &at("connections/hooks/{id}/again"), &["POST"], post(hooks::again))
        .screen(P::HooksRead, &at("hook-events"), &["GET"], get(hook_events::list))
        .screen(P::HooksRead, &at("hook-events/{id}"), &["GET"], get(hook_events::show))
        .screen(P::HooksWrite, &at("hook-events/{id}/again"), &["POST"], post(hook_events::again))
        .screen(P::LocationsRead, &at("connections/channels/new"), &["GET"], get(channels::new))
        .screen(P::LocationsWrite, &at("connections/channels/new"), &["POST"], post(channels::create))
        .screen(P::LocationsRead, &at("connections/channels/{id}"), &["GET"], get(channels::edit))
        .screen(P::LocationsWrite, &at("connections/channels/{id}"), &["POST"], post(channels::save))
}

/// Screens of those who look after the installation.
fn administration(routes: Routes) -> Routes {
    let settings = |path: &str| format!("/{{lang}}/oms/settings/{path}");
    routes
        .screen(P::SetupRun, &settings("basic-setup"), &["GET"], get(setup::show))
        .screen(
            P::SetupRun,
            &settings("basic-setup/{step}"),
            &["GET", "POST"],
            get(setup::one).post(setup::run),
        )
        .screen(P::SettingsRead, &settings("application-settings"), &["GET"], get(settings::show))
        .screen(P::SettingsWrite, &settings("application-settings"), &["POST"], post(settings::save))
        .screen(P::UsersWrite, &settings("users"), &["GET", "POST"], get(users::show).post(users::create))
        .screen(P::UsersWrite, &settings("users/{id}/active"), &["POST"], post(users::set_active))
        .screen(P::UsersWrite, &settings("users/{id}/password"), &["POST"], post(users::reset_password))
        .screen(P::UsersWrite, &settings("tokens"), &["POST"], post(users::create_token))
        .screen(P::UsersWrite, &settings("tokens/{id}/revoke"), &["POST"], post(users::revoke))
        .screen(P::PackagesRead, &settings("denial-reasons"), &["GET"], get(denial_reasons::show))
        .screen(P::SettingsWrite, &settings("denial-reasons"), &["POST"], post(denial_reasons::create))
        .screen(P::SettingsWrite, &settings("denial-reasons/{id}"), &["POST"], post(denial_reasons::save))
        .screen(P::SettingsRead, &settings("state-transitions"), &["GET"], get(flow::show))
        .screen(
            P::SettingsWrite,
            &settings("state-transitions/new"),
            &["GET", "POST"],
            get(flow::new).post(flow::create),
        )
        .screen(
            P::SettingsWrite,
            &settings("state-transitions/{id}"),
            &["GET", "POST"],
            get(flow::edit).post(flow::save),
        )
        .screen(P::SettingsRead, &settings("schedules"), &["GET"], get(schedules::show))
        .screen(P::SettingsWrite, &settings("schedules"), &["POST"], post(schedules::create))
        .screen(P::SettingsWrite, &settings("schedules/{id}"), &["POST"], post(schedules::save))
        .screen(P::PackagesRead, "/{lang}/oms/logs", &["GET"], get(logs::list))
        .screen(P::SettingsRead, "/{lang}/oms/jobs", &["GET"], get(jobs::list))
        .screen(P::SettingsWrite, "/{lang}/oms/jobs/{id}/{act}", &["POST"], post(jobs::act))
}

/// The pages that need no session: they lead to one.
fn open(routes: Routes) -> Routes {
    routes
        .page(P::Public, "/", &["GET"], get(sign_in::start))
        .page(P::Public, "/login", &["GET", "POST"], get(sign_in::show).post(sign_in::enter))
        .page(P::Public, "/sign-in", &["GET"], get(sign_in::by_link))
        .page(P::Public, "/first-admin", &["GET", "POST"], get(first_admin::show).post(first_admin::create))
        .page(P::Public, assets::ROUTE, &["GET"], get(assets::serve))
}
