//! How texts are folded before they are compared by people's searches.
//!
//! Folding is done here and never by a database: none folds Turkish letters as people type them. Whoever types `I`,
//! `ı`, `İ` or `i` means the same key.

/// The longest term kept; what is beyond it nobody types.
pub const LONGEST_TERM: usize = 64;
/// The most words of a text that become terms.
pub const MOST_WORDS: usize = 12;

/// The text as it is kept and looked for: small letters without their marks, single blanks.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            'I' | 'ı' | 'İ' => folded.push('i'),
            // The dot that a decomposed İ leaves, and other marks of their own.
            '\u{300}'..='\u{36f}' => {}
            c if c.is_whitespace() || c.is_control() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            c => folded.extend(c.to_lowercase().map(plain)),
        }
    }
    if let Some((end, _)) = folded.char_indices().nth(LONGEST_TERM) {
        folded.truncate(end);
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// A small letter without its mark.
fn plain(c: char) -> char {
    match c {
        'ç' => 'c',
        'ğ' => 'g',
        'ö' | 'ô' | 'ó' => 'o',
        'ş' => 's',
        'ü' | 'û' | 'ú' => 'u',
        'â' | 'á' | 'à' | 'ä' => 'a',
        'é' | 'è' | 'ê' => 'e',
        'î' | 'í' => 'i',
        'ñ' => 'n',
        other => other,
    }
}

/// The words of a text, folded, each once.
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).map(fold).filter(|w| !w.is_empty()) {
        if !words.contains(&word) {
            words.push(word);
        }
        if words.len() == MOST_WORDS {
            break;
        }
    }
    words
}

/// The last text that begins with this one, in byte order.
pub fn last_with_prefix(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turkish_letters_are_found_however_they_are_typed() {
        for typed in ["IŞIK", "ışık", "isik", "İŞİK", "Işık", "i\u{307}s\u{327}ik"] {
            assert_eq!(fold(typed), "isik", "{typed}");
        }
        assert_eq!(fold("  Çağ\t\n Gömlek "), "cag gomlek");
        assert_eq!(fold(&"é".repeat(500)).chars().count(), LONGEST_TERM);
    }

    #[test]
    fn words_are_few_and_each_once() {
        assert_eq!(words("Kırmızı gömlek, KIRMIZI (L)"), ["kirmizi", "gomlek", "l"]);
        let long = (0..100).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&long).len(), MOST_WORDS);
        assert!(words(" -- ").is_empty());
    }

    #[test]
    fn a_prefix_ends_after_all_that_begin_with_it() {
        let last = last_with_prefix("ab");
        assert!("ab" < last.as_str() && "abz" < last.as_str() && "ac" > last.as_str());
    }
}
