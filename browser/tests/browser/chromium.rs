//! Chromium, driven by chromedriver: in the words of a person at the screen.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use thirtyfour::LoggingPrefsLogLevel;
use thirtyfour::prelude::*;

/// Longer than a page takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(60);
/// Where `cargo xtask` puts axe-core.
pub const AXE_VARIABLE: &str = "OMS_TEST_AXE";

/// What a browser looks like to a page.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    /// `light` or `dark`.
    pub scheme: &'static str,
}

pub const DESKTOP: Look = Look { width: 1280, height: 800, scheme: "light" };
pub const PHONE: Look = Look { width: 360, height: 740, scheme: "light" };

/// A browser. It ends with the test.
pub struct Browser {
    pub driver: WebDriver,
    _server: Chromedriver,
    /// The address of the OMS, without a slash at its end.
    pub base: String,
    look: Look,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Told to end the session, chromedriver waits a minute for Chromium's last page: both are ended with their group.
        let _ = self.driver.clone().leak();
    }
}

/// A chromedriver of the test's own, with the Chromium that it starts.
struct Chromedriver(Child);

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Browser {
    pub async fn open(base: &str, look: Look) -> Self {
        let port = free_port();
        let started = Command::new("chromedriver")
            .args([&format!("--port={port}"), "--allowed-ips=127.0.0.1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect(
                "chromedriver: install Debian's chromium and chromium-driver, or run cargo xtask ci as root",
            );
        let server = Chromedriver(started);
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
            "--no-first-run",
            // It asks for nothing but our pages.
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
        ] {
            capabilities.add_arg(argument).unwrap();
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        // thirtyfour's client asks the process for its TLS provider; a second call says that it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://127.0.0.1:{port}");
        let until = Instant::now() + PATIENCE;
        let driver = loop {
            match WebDriver::new(&url, capabilities.clone()).await {
                Ok(driver) => break driver,
                Err(error) => assert!(Instant::now() < until, "chromedriver does not start: {error}"),
            }
            tokio::time::sleep(GLANCE).await;
        };
        let browser = Self { driver, _server: server, base: base.to_owned(), look };
        browser.cdp("Emulation.setDeviceMetricsOverride", json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 600})).await;
        browser
            .cdp(
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": look.scheme}]}),
            )
            .await;
        browser
    }

    pub async fn cdp(&self, command: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(command, parameters).await.unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    /// Opens a path of the OMS.
    pub async fn go(&self, path: &str) {
        // On a busy machine chromedriver may answer before the new page is there: the old one is marked, to be told apart.
        self.js("window.isLeft = true").await;
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap_or_else(|e| panic!("{path}: {e}"));
        self.until(
            &format!("{path} is opened"),
            "return !window.isLeft && document.readyState === 'complete'",
        )
        .await;
    }

    /// The path and query the browser stands at.
    pub async fn at(&self) -> String {
        self.js("return location.pathname + location.search").await.as_str().unwrap_or_default().to_owned()
    }

    /// Runs a script of the test in the page.
    pub async fn js(&self, script: &str) -> Value {
        self.driver
            .execute(script, Vec::<Value>::new())
            .await
            .unwrap_or_else(|e| panic!("{script}: {e}"))
            .json()
            .clone()
    }

    /// Waits until a script gives true; fails with where the browser is and what it shows.
    pub async fn until(&self, what: &str, script: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            // A page on its way out answers with an error: it is asked again.
            let now = self.driver.execute(script, Vec::<Value>::new()).await;
            if now.is_ok_and(|v| v.json() == &Value::Bool(true)) {
                return;
            }
            if Instant::now() > until {
                let picture = std::env::temp_dir().join(format!("oms-browser-{}.png", std::process::id()));
                self.screenshot(&picture).await;
                let text = self.js("return document.body.innerText.slice(0, 1500)").await;
                panic!(
                    "it never happens that {what}; at {} ({}): {text}",
                    self.at().await,
                    picture.display()
                );
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits for an element.
    pub async fn sees(&self, css: &str) {
        self.until(&format!("{css} is there"), &format!("return !!document.querySelector({})", json!(css)))
            .await;
    }

    /// Waits for a text in an element.
    pub async fn reads(&self, css: &str, text: &str) {
        let script = format!(
            "return [...document.querySelectorAll({})].some(e => e.textContent.includes({}))",
            json!(css),
            json!(text)
        );
        self.until(&format!("{css} reads {text:?}"), &script).await;
    }

    /// Waits for a path.
    pub async fn arrives(&self, path: &str) {
        self.until(
            &format!("the browser is at {path}"),
            &format!("return location.pathname == {}", json!(path)),
        )
        .await;
    }

    /// The text of the first of these elements.
    pub async fn text(&self, css: &str) -> String {
        self.sees(css).await;
        let script = format!("return document.querySelector({}).textContent.trim()", json!(css));
        self.js(&script).await.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the first of these elements as a pointer does.
    pub async fn click(&self, css: &str) {
        self.sees(css).await;
        self.js(&format!("document.querySelector({}).scrollIntoView({{block: 'center'}})", json!(css))).await;
        let element = self.driver.find(By::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}"));
        element.click().await.unwrap_or_else(|e| panic!("clicking {css}: {e}"));
    }

    /// Clicks the first of these elements that reads so.
    pub async fn click_text(&self, css: &str, text: &str) {
        let find = format!(
            "[...document.querySelectorAll({})].find(e => e.textContent.trim().startsWith({}))",
            json!(css),
            json!(text)
        );
        self.until(&format!("there is {css} that reads {text:?}"), &format!("return !!({find})")).await;
        self.js(&format!("document.querySelectorAll('[data-test-mark]').forEach(e => delete e.dataset.testMark); ({find}).dataset.testMark = '1'")).await;
        self.click("[data-test-mark]").await;
    }

    /// Types into a field, in place of what was there.
    pub async fn fill(&self, css: &str, text: &str) {
        self.sees(css).await;
        let element = self.driver.find(By::Css(css)).await.unwrap();
        element.clear().await.unwrap_or_else(|e| panic!("{css}: {e}"));
        element.send_keys(text).await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Presses a key while another is held.
    pub async fn press_with(&self, held: Key, key: char) {
        let chain = self.driver.action_chain().key_down(held.clone()).key_down(key).key_up(key).key_up(held);
        chain.perform().await.unwrap();
    }

    /// Signs in and stands at the start.
    pub async fn sign_in(&self, username: &str, password: &str) {
        self.go("/login").await;
        self.fill("#username", username).await;
        self.fill("#password", password).await;
        self.click("main button.primary").await;
        self.sees("nav.side").await;
    }

    /// What the console holds of errors since it was last asked.
    pub async fn console_errors(&self) -> Vec<String> {
        let log = self.driver.get_log("browser").await.unwrap_or_default();
        log.into_iter()
            .filter(|e| e.level == "SEVERE" || e.message.contains("Trusted"))
            .map(|e| e.message)
            .collect()
    }

    /// Findings of axe that are serious or critical: rule, help and the first elements.
    pub async fn axe(&self) -> Vec<String> {
        let path = std::env::var(AXE_VARIABLE).expect("the path of axe.min.js; cargo xtask ci sets it");
        let source = std::fs::read_to_string(path).unwrap();
        // By the developer tools: the page's own policy lets no script in.
        self.cdp("Runtime.evaluate", json!({"expression": format!("{source};0")})).await;
        let run = "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => `${v.id} (${v.help}): ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`)))";
        let answer = self
            .cdp("Runtime.evaluate", json!({"expression": run, "awaitPromise": true, "returnByValue": true}))
            .await;
        let text =
            answer["result"]["value"].as_str().unwrap_or_else(|| panic!("axe does not answer: {answer}"));
        serde_json::from_str(text).unwrap()
    }

    /// What is wider than the window and not in a part that scrolls by itself.
    pub async fn too_wide(&self) -> Vec<String> {
        let script = "const w = innerWidth; const all = [...document.querySelectorAll('body *')].filter(e => { \
            const r = e.getBoundingClientRect(); return r.width > 0 && r.right > w + 1 && !e.closest('.scroll, pre, svg, .hidden, dialog') \
            && e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}); }).slice(0, 4).map(e => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40)); \
            if (document.documentElement.scrollWidth > w + 1) all.push('the page scrolls sideways'); return all;";
        serde_json::from_value(self.js(script).await).unwrap()
    }

    /// Opens what is folded in the page's content; returns how much was.
    pub async fn opens_all(&self) -> u64 {
        let script = "const all = document.querySelectorAll('main details:not([open]):not(.menu)'); \
                      all.forEach(e => e.open = true); return all.length";
        self.js(script).await.as_u64().unwrap()
    }

    /// Bytes on the line that a page takes, and with all it loads as a first visit.
    pub async fn bytes(&self, path: &str) -> (u64, u64) {
        self.cdp("Network.enable", json!({})).await;
        // A first visit: nothing comes from the disk's cache, nor from the memory's.
        self.cdp("Network.setCacheDisabled", json!({"cacheDisabled": true})).await;
        self.go(path).await;
        let script = "const sum = all => all.reduce((sum, e) => sum + e.transferSize, 0); \
                      const page = sum(performance.getEntriesByType('navigation')); \
                      const loaded = performance.getEntriesByType('resource').filter(e => !e.name.includes('/live')); \
                      return [page, page + sum(loaded)]";
        serde_json::from_value(self.js(script).await).unwrap()
    }

    /// A picture of the whole page.
    pub async fn screenshot(&self, path: &Path) {
        let height =
            self.js("return document.documentElement.scrollHeight").await.as_u64().unwrap_or(800).min(3_000);
        let clip = json!({"x": 0, "y": 0, "width": self.look.width, "height": height, "scale": 1});
        let shot =
            self.cdp("Page.captureScreenshot", json!({"captureBeyondViewport": true, "clip": clip})).await;
        std::fs::write(path, STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}
