//! Every screen, in both languages and themes, at a desk and on a phone: judged by axe, measured, photographed.
//! A new screen is a row of [`SCREENS`].

use std::path::PathBuf;

use crate::chromium::{Browser, DESKTOP, Look, PHONE};
use crate::database::Kind;
use crate::place::Demo;

/// Name and address below `/{lang}/oms`. `>css` at the end: the page that the first such link leads to.
pub const SCREENS: &[(&str, &str)] = &[
    ("today", ""),
    ("orders", "/orders"),
    ("orders-filtered", "/orders?number=D00001"),
    ("order", "/orders>a.row"),
    ("order-why", "/orders>a.row>a[href$='/why']"),
    ("packages", "/packages"),
    ("packages-nothing", "/packages?number=nothing"),
    ("package", "/packages>a.row"),
    ("package-out-of-stock", "/packages?state__enum_value__in=920>a.row"),
    ("package-movements", "/packages/movements"),
    ("transfers", "/transfers"),
    ("transfer-movements", "/transfers/movements"),
    ("search", "/search?q=D00005"),
    ("stock", "/stock"),
    ("stock-lineage", "/stock>a.row"),
    ("discrepancies", "/discrepancies"),
    ("locations", "/stock-locations"),
    ("locations-map", "/stock-locations/map"),
    ("location", "/stock-locations>a.row"),
    ("location-new", "/stock-locations/new"),
    ("scenarios", "/scenarios/distribution"),
    ("scenario", "/scenarios/distribution>a.row"),
    ("scenario-preview", "/scenarios/distribution>a.row>a[href$='/preview']"),
    ("transfer-scenarios", "/scenarios/transfer"),
    ("flow", "/settings/state-transitions"),
    ("flow-transfers", "/settings/state-transitions?of=transfer"),
    ("transition", "/settings/state-transitions>a.row"),
    ("transition-new", "/settings/state-transitions/new"),
    ("denial-reasons", "/settings/denial-reasons"),
    ("schedules", "/settings/schedules"),
    ("connections", "/connections"),
    ("hub_webhooks", "/connections/hub-webhooks"),
    ("cargo_company", "/connections/cargo/new"),
    ("channel", "/connections>a.row"),
    ("channel-new", "/connections/channels/new"),
    ("hub-orders", "/hub-orders"),
    ("hub-changes", "/hub-changes"),
    ("jobs", "/jobs"),
    ("hook-new", "/connections/hooks/new"),
    ("hook-events", "/hook-events"),
    ("engine-new", "/connections/engines/new"),
    ("setup", "/settings/basic-setup"),
    ("setup-step", "/settings/basic-setup/retail-stores"),
    ("settings", "/settings/application-settings"),
    ("users", "/settings/users"),
    ("logs", "/logs"),
    ("me", "/me"),
    ("missing", "/packages/1"),
];

/// Where pictures are put; nothing: none are made.
const PICTURES: &str = "OMS_SCREENSHOTS";
/// What a page may take on the line as a first visit, with its style, script and pictures.
const MOST_BYTES: u64 = 150_000;
/// What the page alone may take.
const MOST_BYTES_OF_PAGE: u64 = 60_000;

/// Opens a screen of the table.
async fn open(browser: &Browser, lang: &str, address: &str) {
    let mut parts = address.split('>');
    browser.go(&format!("/{lang}/oms{}", parts.next().unwrap())).await;
    for link in parts {
        let href = format!("document.querySelector({link:?})?.getAttribute('href')");
        browser.until(&format!("{address} has {link}"), &format!("return !!{href}")).await;
        let href = browser.js(&format!("return {href}")).await;
        browser.go(href.as_str().unwrap()).await;
    }
    browser.sees("main").await;
}

/// Judges every screen; findings are told together at the end.
async fn judge(on: Kind, lang: &str, look: Look) {
    let demo = Demo::start(on);
    let mut findings: Vec<String> = Vec::new();
    let out = Browser::open(&demo.base, look).await;
    for (name, path) in [("sign-in", "/login"), ("dead-link", "/first-admin?link=0")] {
        out.go(path).await;
        page(&out, name, lang, look, &mut findings).await;
    }
    drop(out);
    let browser = demo.browser(look).await;
    browser.console_errors().await;
    for (name, address) in SCREENS {
        open(&browser, lang, address).await;
        page(&browser, name, lang, look, &mut findings).await;
    }
    let heaviest =
        if lang == "en" && look.scheme == "light" { weigh(&browser, &mut findings).await } else { 0 };
    println!("{lang} {} {}: heaviest page {heaviest} bytes", look.scheme, look.width);
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

async fn page(browser: &Browser, name: &str, lang: &str, look: Look, findings: &mut Vec<String>) {
    let at = format!("{name} {lang} {} {}", look.scheme, look.width);
    if let Some(folder) = std::env::var_os(PICTURES).map(PathBuf::from) {
        std::fs::create_dir_all(&folder).unwrap();
        let file = format!("{name}-{lang}-{}-{}.png", look.scheme, look.width);
        browser.screenshot(&folder.join(file)).await;
    }
    findings.extend(browser.too_wide().await.into_iter().map(|f| format!("{at}: too wide: {f}")));
    // A page that is not there answers so; that is no error of a script.
    let errors = browser.console_errors().await.into_iter().filter(|e| !e.contains("404 (Not Found)"));
    findings.extend(errors.map(|f| format!("{at}: console: {f}")));
    findings.extend(browser.axe().await.into_iter().map(|f| format!("{at}: axe: {f}")));
    if browser.opens_all().await > 0 {
        findings.extend(browser.too_wide().await.into_iter().map(|f| format!("{at}, opened: too wide: {f}")));
        findings.extend(browser.axe().await.into_iter().map(|f| format!("{at}, opened: axe: {f}")));
    }
}

async fn weigh(browser: &Browser, findings: &mut Vec<String>) -> u64 {
    let mut heaviest = 0;
    for (name, address) in SCREENS {
        open(browser, "en", address).await;
        let at = browser.at().await;
        let (page, bytes) = browser.bytes(&at).await;
        assert!(page > 1_000 && bytes >= page, "{name}: {page} of {bytes} bytes cannot be all");
        heaviest = heaviest.max(page);
        if page > MOST_BYTES_OF_PAGE || bytes > MOST_BYTES {
            findings.push(format!("{name}: {page} bytes on the line, {bytes} with all it loads"));
        }
    }
    heaviest
}

const fn dark(look: Look) -> Look {
    Look { scheme: "dark", ..look }
}

#[tokio::test]
async fn english_and_light_at_a_desk() {
    judge(Kind::Sqlite, "en", DESKTOP).await;
}

#[tokio::test]
async fn english_and_dark_on_a_phone() {
    judge(Kind::Postgres, "en", dark(PHONE)).await;
}

#[tokio::test]
async fn turkish_and_light_on_a_phone() {
    judge(Kind::Sqlite, "tr", PHONE).await;
}

#[tokio::test]
async fn turkish_and_dark_at_a_desk() {
    judge(Kind::Postgres, "tr", dark(DESKTOP)).await;
}
