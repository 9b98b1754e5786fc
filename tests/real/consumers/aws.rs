//! The AWS command line: `credential_process`, against a stand-in for STS that sees which key signs.

use std::time::{Duration, Instant};

use super::internet::{Request, Response};
use super::scene::Scene;
use crate::harness::{Outcome, Test, wait_until};

const STS: &str = "https://sts.example.com";

/// Prints a document as AWS's own tools do, in lines, with another key each time.
const MINT: &str = r#"#!/bin/sh
set -e
cd "$(dirname "$0")"
echo x >> minted
number=$(wc -l < minted)
end=$(date -u -d '+LIVES seconds' +%Y-%m-%dT%H:%M:%S+00:00)
cat <<END
{
    "Version": 1,
    "AccessKeyId": "AKIA$number",
    "SecretAccessKey": "secret",
    "SessionToken": "session-$number",
    "Expiration": "$end"
}
END
"#;

/// Says who asks, as STS does.
fn sts(_: &Request) -> Response {
    Response::of(
        "text/xml",
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::1:user/me</Arn><UserId>me</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
    )
}

/// A profile whose documents live for so many seconds.
fn scene(lives: u64) -> Scene {
    let scene = Scene::new(&[], None, sts);
    let source = scene.write_program("mint", &MINT.replace("LIVES", &lives.to_string()));
    let source = source.display();
    scene.home.configure(&format!("[profile.prod]\nsource = \"exec\"\ncommand = ['{source}']\nformat = \"raw\"\n"));
    let process = "[default]\nregion = eu-west-1\ncredential_process = token helper aws --profile prod\n";
    scene.write(".aws/config", process);
    scene
}

impl Scene {
    fn who_am_i(&self) -> Outcome {
        let mut command = self.consumer("aws", &["sts", "get-caller-identity", "--endpoint-url", STS]);
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_CA_BUNDLE", self.home.path("authority.pem"));
        self.finish(command, "aws")
    }

    /// The key and the session of each request.
    fn keys(&self) -> Vec<String> {
        let key = |request: &Request| {
            let signed = request.authorization()?.split_once("Credential=")?.1.split('/').next()?.to_owned();
            Some(format!("{signed} {}", request.header("x-amz-security-token")?))
        };
        self.internet.seen().iter().filter_map(key).collect()
    }
}

fn minted(home: &Test) -> usize {
    std::fs::read_to_string(home.path("minted")).map_or(0, |text| text.lines().count())
}

#[test]
fn aws_signs_with_the_document_of_the_source() {
    let scene = scene(3600);
    for _ in 0..2 {
        let answer = scene.who_am_i();
        assert!(answer.exits(0).stdout().contains("arn:aws:iam::1:user/me"), "{answer}");
    }
    assert_eq!(scene.keys(), ["AKIA1 session-1", "AKIA1 session-1"]);
    assert_eq!(minted(&scene.home), 1, "once for all commands");
}

/// botocore wants another one fifteen minutes before the end. What does not live that much longer is replaced at half its life.
#[test]
fn aws_is_given_another_document_at_half_of_a_short_life() {
    let scene = scene(12);
    scene.who_am_i().exits(0);
    let started = Instant::now();
    wait_until("less than half of its life to be left", || started.elapsed() > Duration::from_millis(7_500));
    scene.who_am_i().exits(0);
    let keys = scene.keys();
    assert!(keys[0].starts_with("AKIA1 ") && !keys[1].starts_with("AKIA1 "), "{keys:?}");
}

#[test]
fn aws_is_never_given_an_expired_document() {
    let scene = scene(3);
    scene.who_am_i();
    scene.await_expiry();
    let first = minted(&scene.home);
    scene.internet.forget();
    scene.who_am_i();
    let keys = scene.keys();
    assert!(minted(&scene.home) > first, "an expired document was served");
    assert!(keys.iter().all(|key| !key.starts_with("AKIA1 ")), "{keys:?}");
}

#[test]
fn aws_tells_our_reason_where_there_is_no_document() {
    let scene = scene(3600);
    scene.write_program("mint", "#!/bin/sh\nexit 1\n");
    let outcome = scene.who_am_i();
    assert_ne!(outcome.code, Some(0), "{outcome}");
    outcome.mentions("prod");
    assert_eq!(scene.keys(), [""; 0]);
}
