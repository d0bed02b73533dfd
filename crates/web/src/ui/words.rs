//! What the screens say, in each language: `words/en.ftl` and `words/tr.ftl`, in the format of Fluent
//! (<https://projectfluent.org>). A test finds keys that are missing, unused or not translated.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use fluent_syntax::ast::Entry;

/// The texts, in the order of [`Lang`].
const SOURCES: [&str; 2] = [include_str!("../../words/en.ftl"), include_str!("../../words/tr.ftl")];
/// What phrases call the values they are given, in order.
const GIVEN: [&str; 4] = ["a", "b", "c", "d"];

/// A language of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    En,
    Tr,
}

impl Lang {
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Tr];

    /// As in addresses and in `lang`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Tr => "tr",
        }
    }

    /// Its own name for itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Tr => "Türkçe",
        }
    }

    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.code() == code)
    }

    /// The first language of an `Accept-Language` that is here.
    pub(crate) fn accepted(header: &str) -> Self {
        let wished =
            header.split(',').map(|part| part.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
        wished.filter_map(|code| Self::parse(&code)).next().unwrap_or(Self::En)
    }

    /// The phrase of a key. A key that is not there stands for itself, where everybody sees it.
    pub(crate) fn t(self, key: &str) -> &str {
        self.find(key).unwrap_or(key)
    }

    /// The phrase of a key that is given nothing, if there is one.
    pub(crate) fn find(self, key: &str) -> Option<&'static str> {
        PHRASES[self as usize].plain.get(key).map(String::as_str)
    }

    /// The phrase of a key with what it is given, in order.
    pub(crate) fn say(self, key: &str, given: &[&dyn Display]) -> String {
        let bundle = &PHRASES[self as usize].bundle;
        let Some(pattern) = bundle.get_message(key).and_then(|m| m.value()) else { return key.to_owned() };
        let mut args = FluentArgs::new();
        for (name, value) in GIVEN.into_iter().zip(given) {
            args.set(name, value_of(value.to_string()));
        }
        // What cannot be filled in stands in the text as its name.
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

/// Whole numbers choose a plural form; what only looks like one (a code with a nought before) stays as it is.
fn value_of(text: String) -> FluentValue<'static> {
    match text.parse::<i32>() {
        Ok(n) if n.to_string() == text => n.into(),
        _ => text.into(),
    }
}

/// The phrases of a language.
struct Phrases {
    bundle: FluentBundle<FluentResource>,
    /// Those that are given nothing, as they stand.
    plain: HashMap<String, String>,
}

static PHRASES: LazyLock<[Phrases; 2]> = LazyLock::new(|| Lang::ALL.map(Phrases::of));

impl Phrases {
    fn of(lang: Lang) -> Self {
        // The texts are part of the program, and a test reads them.
        let resource =
            FluentResource::try_new(SOURCES[lang as usize].to_owned()).expect("the texts are Fluent");
        let keys: Vec<String> = resource.entries().filter_map(key_of).collect();
        let mut bundle = FluentBundle::new_concurrent(vec![lang.code().parse().expect("a language")]);
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).expect("no key is there twice");
        let plain = keys.into_iter().filter_map(|key| {
            let mut lacks = Vec::new();
            let pattern = bundle.get_message(&key)?.value()?;
            let text = bundle.format_pattern(pattern, None, &mut lacks).into_owned();
            lacks.is_empty().then_some((key, text))
        });
        let plain = plain.collect();
        Self { bundle, plain }
    }
}

fn key_of(entry: &Entry<&str>) -> Option<String> {
    match entry {
        Entry::Message(message) => Some(message.id.name.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// Key and text of every phrase of a language, as they stand in its file.
    fn lines(lang: Lang) -> BTreeMap<&'static str, String> {
        let mut found: BTreeMap<&str, String> = BTreeMap::new();
        let mut last = "";
        for line in SOURCES[lang as usize].lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
            match line.split_once(" =").filter(|_| !line.starts_with(' ')) {
                Some((key, text)) => {
                    assert!(found.insert(key, text.trim().to_owned()).is_none(), "{key} is there twice");
                    last = key;
                }
                None => *found.get_mut(last).unwrap() += &format!(" {}", line.trim()),
            }
        }
        found
    }

    /// The sources of the screens.
    fn sources() -> String {
        fn read(folder: &Path, found: &mut String) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => read(&path, found),
                    false => found.push_str(&std::fs::read_to_string(&path).unwrap()),
                }
            }
        }
        let mut found = String::new();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        read(&src.join("ui"), &mut found);
        read(&src.join("pages"), &mut found);
        found
    }

    /// Every text between double quotes in them.
    fn texts() -> BTreeSet<String> {
        sources().split('"').skip(1).map(str::to_owned).collect()
    }

    /// Keys made of a word and a code: every one of these begins so.
    const MADE: [&str; 30] = [
        "carrier-conf_",
        "carrier-demo_",
        "hook-of_",
        "hook-retry_",
        "hook-state_",
        "hub-became_",
        "hub-what_",
        "job-kind_",
        "user-role_",
        "scenario-mode_",
        "scenario-op_",
        "scenario-filter_",
        "scenario-sort_",
        "scenario-on_",
        "location-kind_",
        "location-day_",
        "stock-gap_",
        "stock-kind_",
        "stock-reason_",
        "engine-type_",
        "setting-",
        "form-done_",
        "state-",
        "transfer_state-",
        "plan_state-",
        "command-",
        "code-",
        "reason-",
        "step-",
        "kind-",
    ];

    /// What is the same word in both.
    const SAME: [&str; 6] =
        ["app-raw", "hook-hook", "order-plan", "package-sku", "transfer-number", "log-transfer"];

    /// A phrase that is given something says nothing without it.
    #[test]
    fn what_is_given_something_is_said_with_it() {
        let sources = sources();
        for (key, text) in lines(Lang::En) {
            let bare = sources.contains(&format!("t(\"{key}\")"));
            assert!(!(text.contains('$') && bare), "{key} is said without what it is given");
        }
    }

    /// Addresses and names of fields that look like keys.
    const NO_KEYS: [&str; 4] = ["stock-locations", "hub-orders", "hub-changes", "hook-events"];

    #[test]
    fn every_phrase_is_there_in_each_language_once_and_is_used() {
        let (texts, english, turkish) = (texts(), lines(Lang::En), lines(Lang::Tr));
        let keys = |of: &BTreeMap<&'static str, String>| of.keys().copied().collect::<BTreeSet<_>>();
        let (here, there) = (keys(&english), keys(&turkish));
        assert_eq!(here, there, "a key is in one language alone: {:?}", here.symmetric_difference(&there));
        for (key, text) in &english {
            let other = &turkish[key];
            assert!(!text.is_empty() && !other.is_empty(), "{key} says nothing");
            let given =
                |t: &str| GIVEN.into_iter().filter(|g| t.contains(&format!("${g}"))).collect::<Vec<_>>();
            assert_eq!(given(text), given(other), "{key} is given other things in another language");
            let is_same = SAME.contains(key);
            assert_eq!(text == other, is_same, "{key} is not translated, or is named in SAME and differs");
            let made = MADE.iter().any(|prefix| key.starts_with(prefix));
            assert!(made || texts.contains(*key), "{key} is used nowhere");
            for lang in Lang::ALL {
                let is_plain = given(text).is_empty();
                assert_eq!(lang.find(key).is_some(), is_plain, "{key} is no phrase in {}", lang.code());
            }
        }
        for text in &texts {
            let is_key = text.split_once('-').is_some_and(|(area, rest)| {
                AREAS.contains(&area)
                    && !rest.is_empty()
                    && !rest.ends_with('_')
                    && rest.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            let is_key = is_key && !NO_KEYS.contains(&text.as_str());
            assert!(!is_key || english.contains_key(text.as_str()), "{text} has no phrase");
        }
    }

    /// What keys begin with.
    const AREAS: [&str; 26] = [
        "carrier",
        "hook",
        "hub",
        "job",
        "nav",
        "list",
        "login",
        "today",
        "order",
        "orders",
        "package",
        "packages",
        "transfer",
        "transfers",
        "why",
        "setup",
        "scenario",
        "flow",
        "location",
        "stock",
        "engine",
        "setting",
        "user",
        "log",
        "form",
        "app",
    ];

    #[test]
    fn the_first_language_that_is_here_is_taken() {
        assert_eq!(Lang::accepted("de-DE,tr;q=0.8,en;q=0.5"), Lang::Tr);
        assert_eq!(Lang::accepted("ü"), Lang::En);
    }

    #[test]
    fn what_a_phrase_is_given_stands_in_it_and_numbers_choose_its_form() {
        assert_eq!(Lang::En.say("list-range", &[&1, &20, &300]), "1–20 of 300");
        assert_eq!(Lang::Tr.say("list-range", &[&1, &20, &300]), "300 kayıttan 1–20");
        assert_eq!(Lang::En.say("app-results", &[&"007"]), "Results for “007”");
        assert_eq!(Lang::En.say("step-said_channels", &[&1]), "1 channel copied.");
        assert_eq!(Lang::En.say("step-said_channels", &[&2]), "2 channels copied.");
        assert_eq!(Lang::En.t("nothing"), "nothing");
    }
}
