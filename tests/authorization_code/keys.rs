//! The keys of a profile, and the mistakes in them.

use crate::support::{Test, cases};

#[test]
fn mistakes_are_found_before_anything_is_done() {
    const HERE: &str = "issuer = \"http://127.0.0.1:1\"\n";
    let table = [
        ("no client", HERE.to_owned(), "`profile.prod.client_id`: missing"),
        ("no issuer", "client_id = \"c\"".to_owned(), "set `issuer`"),
        ("half an issuer", "client_id = \"c\"\ntoken_endpoint = \"https://x/t\"".to_owned(), "authorization_endpoint"),
        (
            "a far address",
            "client_id = \"c\"\ntoken_endpoint = \"https://x/t\"\nauthorization_endpoint = \"http://x/a\"".to_owned(),
            "must be https",
        ),
        ("no port", format!("{HERE}client_id = \"c\"\nredirect_port = 0"), "from 1 to 65535"),
        ("too high a port", format!("{HERE}client_id = \"c\"\nredirect_port = 65536"), "from 1 to 65535"),
        ("a port in words", format!("{HERE}client_id = \"c\"\nredirect_port = \"8080\""), "expected a whole number"),
        ("a line of shell", format!("{HERE}client_id = \"c\"\nbrowser = \"firefox %s\""), "a list of strings"),
        ("no browser", format!("{HERE}client_id = \"c\"\nbrowser = []"), "expected a program"),
        ("our own field", format!("{HERE}client_id = \"c\"\nparams = {{ state = \"x\" }}"), "params.state"),
        ("a misspelt key", format!("{HERE}client_id = \"c\"\nredirect_prot = 8080"), "did you mean `redirect_port`?"),
    ];
    cases::each(
        &table,
        |case| case.0,
        |(case, keys, said)| {
            let test = Test::configured(&format!("[profile.prod]\nsource = \"authorization-code\"\n{keys}\n")).named(case);
            test.run(&["get"]).exits(2).prints("").mentions(said).is_polite();
        },
    );
}
