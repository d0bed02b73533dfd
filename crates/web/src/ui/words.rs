//! What the screens say, in each language. `words.txt` is the single source: one line a phrase,
//! `key | English | Türkçe`. A test finds missing and unused keys.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::LazyLock;

const WORDS: &str = include_str!("../../words.txt");

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

    /// The phrase of a key, if there is one.
    pub(crate) fn find(self, key: &str) -> Option<&'static str> {
        PHRASES.get(key).map(|phrase| phrase[self as usize])
    }

    /// The phrase of a key with `{0}`, `{1}` … replaced.
    pub(crate) fn say(self, key: &str, parts: &[&dyn Display]) -> String {
        let mut text = self.t(key).to_owned();
        for (i, part) in parts.iter().enumerate() {
            text = text.replace(&format!("{{{i}}}"), &part.to_string());
        }
        text
    }
}

static PHRASES: LazyLock<HashMap<&'static str, [&'static str; 2]>> = LazyLock::new(|| lines().collect());

fn lines() -> impl Iterator<Item = (&'static str, [&'static str; 2])> {
    WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let mut parts = line.split('|').map(str::trim);
        let mut next = || parts.next().unwrap_or_default();
        (next(), [next(), next()])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Every text between double quotes in the sources of the screens.
    fn texts() -> BTreeSet<String> {
        fn read(folder: &Path, found: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, found);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                found.extend(text.split('"').skip(1).step_by(1).map(str::to_owned));
            }
        }
        let mut found = BTreeSet::new();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        read(&src.join("ui"), &mut found);
        read(&src.join("pages"), &mut found);
        found
    }

    /// Keys made of a word and a code: every one of these begins so.
    const MADE: [&str; 23] = [
        "user.role_",
        "scenario.mode_",
        "scenario.op_",
        "scenario.filter_",
        "scenario.sort_",
        "scenario.on_",
        "location.kind_",
        "location.day_",
        "stock.gap_",
        "stock.kind_",
        "stock.reason_",
        "engine.type_",
        "setting.",
        "form.done_",
        "state.",
        "transfer_state.",
        "plan_state.",
        "command.",
        "code.",
        "reason.",
        "hub.",
        "step.",
        "kind.",
    ];

    #[test]
    fn every_phrase_is_there_in_each_language_once_and_is_used() {
        let texts = texts();
        let mut seen = BTreeSet::new();
        for (key, phrases) in lines() {
            assert!(seen.insert(key), "{key} is there twice");
            assert!(phrases.iter().all(|p| !p.is_empty()), "{key} lacks a language");
            let places =
                |text: &str| (0..9).filter(|i| text.contains(&format!("{{{i}}}"))).collect::<Vec<_>>();
            assert_eq!(places(phrases[0]), places(phrases[1]), "{key}: other places in another language");
            let made = MADE.iter().any(|prefix| key.starts_with(prefix));
            assert!(made || texts.contains(key), "{key} is used nowhere");
        }
        for text in &texts {
            let is_key = text.split_once('.').is_some_and(|(area, rest)| {
                AREAS.contains(&area)
                    && !rest.is_empty()
                    && !rest.ends_with('_')
                    && rest.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            // Fields of queries are named alike.
            let is_key = is_key && oms_core::queries::field(text).is_none();
            assert!(!is_key || seen.contains(text.as_str()), "{text} has no phrase");
        }
    }

    /// What keys begin with.
    const AREAS: [&str; 22] = [
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
        assert_eq!(Lang::En.say("list.range", &[&1, &20, &300]), "1–20 of 300");
    }
}
