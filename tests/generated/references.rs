//! The pages of ours that a text mentions.

/// Their names, with their sections: `.Xr token-get 1`, `token-get(1)` and `man/token-get.1` are such.
pub fn references(text: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("token") {
        let before = &text[..at];
        let name: String = text[at..].chars().take_while(|c| is_part(*c)).collect();
        let behind = &text[at + name.len()..];
        let section = |open: &str| Some(behind.strip_prefix(open)?.chars().next()?).filter(char::is_ascii_digit);
        let is_page = !before.ends_with(is_part);
        let quoted = section("(").filter(|_| is_page && behind.get(2..3) == Some(")"));
        let crossed = section(" ").filter(|_| before.ends_with(".Xr "));
        let linked = section(".").filter(|_| before.ends_with("man/"));
        found.extend(quoted.or(crossed).or(linked).map(|section| format!("{name}.{section}")));
    }
    found
}

#[test]
fn mentions_are_found() {
    let text =
        ".Xr token-get 1 ,\n.Xr git 1\ntoken(1), my-token(1), [x](man/token-helper.7), token-config(5).\ntoken 5, token.1, token(12)";
    assert_eq!(references(text), ["token-get.1", "token.1", "token-helper.7", "token-config.5"]);
}
