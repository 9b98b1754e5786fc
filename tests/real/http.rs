//! An HTTP API as the source (`source = "http"`): a token endpoint that is asked by hand, and an API that only lets in who
//! has a token already.

use serde_json::Value;

use crate::support::issuer::{BASIC, POST};
use crate::support::{Home, Issuer};

#[test]
fn a_token_endpoint_can_be_asked_by_hand() {
    let issuer = Issuer::start();
    let form = format!("grant_type=client_credentials&client_id={}&client_secret={}&scope=read", POST.id, POST.secret);
    let home = Home::new(&format!(
        "[profile.prod]\nsource = \"http\"\nurl = \"{}/token\"\nmethod = \"POST\"\nbody = \"{form}\"\n\
         headers = {{ Content-Type = \"application/x-www-form-urlencoded\" }}\nexpires_in = \"/expires_in\"\n",
        issuer.url()
    ));

    let answer = home.token(&["get", "-o", "json"]).json();

    let said = issuer.introspect(answer["token"].as_str().expect("a token"));
    assert_eq!((&said["active"], &said["client_id"]), (&Value::Bool(true), &POST.id.into()), "{said}");
    assert!((590..=600).contains(&answer["expires_in"].as_i64().expect("seconds")), "{answer}");
    assert_eq!(issuer.seen().asked_and_granted("client_credentials"), (1, 1));
}

/// The API answers with the claims of the token that lets one in: one of them stands for the token it gives.
#[test]
fn a_token_of_another_profile_opens_the_api_that_gives_one() {
    let issuer = Issuer::start();
    let upstream = issuer.profile(BASIC).replace("[profile.prod]", "[profile.upstream]") + "resource = \"urn:api\"\n";
    let keys = "bearer = { profile = \"upstream\" }\ntoken = \"/jti\"\nexpires_at = \"/exp\"\n";
    let home = Home::new(&format!("{upstream}[profile.prod]\nsource = \"http\"\nurl = \"{}/api\"\n{keys}", issuer.url()));

    let answer = home.token(&["get", "prod", "-o", "json"]).json();

    let claims = issuer.claims_at_the_api(&home.token(&["get", "upstream"]).quiet_token());
    let end = jiff::Timestamp::from_second(claims["exp"].as_i64().expect("exp")).expect("a time").to_string();
    assert_eq!((&answer["token"], &answer["expires_at"]), (&claims["jti"], &end.into()), "{claims}");
    assert_eq!(home.token(&["get", "prod"]).quiet_token(), claims["jti"].as_str().expect("jti"));
    assert_eq!(issuer.token_requests(), 1);
}
