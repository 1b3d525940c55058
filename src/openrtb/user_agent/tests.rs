//! Devices and crawlers by what they say of themselves.

use super::*;
use crate::openrtb::raw::RawObject;

fn of(agent: &str) -> UserAgentClass {
    class(&Device { user_agent: Some(agent.into()), ..Device::default() })
}

fn structured(sua: &str, agent: Option<&str>) -> UserAgentClass {
    class(&Device {
        structured_user_agent: Some(RawObject::Json(sua)),
        user_agent: agent.map(Into::into),
        ..Device::default()
    })
}

#[test]
fn devices_are_told_by_their_user_agent() {
    use DeviceType as D;
    for (agent, system, device_type) in [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0 Safari/537.36",
            "Windows",
            D::Desktop,
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", "macOS", D::Desktop),
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/125.0", "Linux", D::Desktop),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/124.0", "Chrome OS", D::Desktop),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Mobile/15E148", "iOS", D::Mobile),
        ("Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) Mobile/15E148", "iOS", D::Tablet),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/124.0 Mobile Safari/537.36",
            "Android",
            D::Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X900) Chrome/124.0 Safari/537.36",
            "Android",
            D::Tablet,
        ),
        ("Mozilla/5.0 (Linux; Android 9; AFTT Build/PS7233) Chrome/70", "Android", D::Tv),
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) Version/6.5 TV Safari/537.36", "Tizen", D::Tv),
        ("Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/94.0", "webOS", D::Tv),
        ("Roku/DVP-12.0 (12.0.0.4182-88)", "Roku OS", D::Tv),
        ("AppleTV14,1/17.4", "tvOS", D::Tv),
        ("Mozilla/5.0 (Mobile; Nokia 8110; rv:48.0) Gecko/48.0 KAIOS/2.5", "KaiOS", D::Mobile),
        (
            "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Lumia 950) Mobile",
            "Windows Phone",
            D::Mobile,
        ),
        (
            "Dalvik/2.1.0 (Linux; U; Android 12; CUBOT NOTE 20 Build/SP1A) Mobile",
            "Android",
            D::Mobile,
        ),
    ] {
        let said = of(agent);
        assert_eq!(said.operating_system, Some(system), "{agent}");
        assert_eq!(said.device_type, Some(device_type), "{agent}");
        assert!(!said.crawler, "{agent}");
    }
    assert_eq!(of("something else"), UserAgentClass::default());
    assert_eq!(of(""), UserAgentClass::default());
}

#[test]
fn crawlers_are_told_from_people() {
    for agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0)",
        "AdsBot-Google (+http://www.google.com/adsbot.html)",
        "Mozilla/5.0 (compatible; Baiduspider/2.0)",
        "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/124.0",
        "Mediapartners-Google",
        "facebookexternalhit/1.1",
        "curl/8.5.0",
        "python-requests/2.31",
        "Go-http-client/1.1",
        "some crawler of ours",
        "SuperBots 1.0",
        "bot",
    ] {
        assert!(of(agent).crawler, "{agent}");
    }
    for agent in [
        "Mozilla/5.0 (Linux; Android 10; CUBOT_X18_Plus) Mobile",
        "Mozilla/5.0 (Linux; Android 11; Cubot P50) Mobile",
        "Abbott-Health/3 CFNetwork",
        "Bottle/1.0 (iPhone)",
        "okhttp/4.12.0",
    ] {
        assert!(!of(agent).crawler, "{agent}");
    }
}

#[test]
fn the_structured_user_agent_goes_first() {
    use DeviceType as D;
    let windows = Some("Mozilla/5.0 (Windows NT 10.0; Win64; x64)");
    for (sua, system, device_type) in [
        (r#"{"platform":{"brand":"Android"},"mobile":1}"#, "Android", D::Mobile),
        (r#"{"platform":{"brand":"Android"},"mobile":0}"#, "Android", D::Tablet),
        (r#"{"platform":{"brand":"macOS"},"mobile":0}"#, "macOS", D::Desktop),
        (r#"{"platform":{"brand":"iOS"},"mobile":true}"#, "iOS", D::Mobile),
        (r#"{"platform":{"brand":"Chrome OS"}}"#, "Chrome OS", D::Desktop),
        (r#"{"platform":{"brand":"Tizen"}}"#, "Tizen", D::Tv),
        (r#"{"mobile":1}"#, "Windows", D::Mobile),
        (r#"{"mobile":0}"#, "Windows", D::Desktop),
        (r#"{"platform":7,"browsers":7,"mobile":[]}"#, "Windows", D::Desktop),
        ("{", "Windows", D::Desktop),
    ] {
        let said = structured(sua, windows);
        assert_eq!(said.operating_system, Some(system), "{sua}");
        assert_eq!(said.device_type, Some(device_type), "{sua}");
    }
}

#[test]
fn either_user_agent_may_tell_a_crawler() {
    let headless = r#"{"browsers":[{"brand":"Not A;Brand"},{"brand":"HeadlessChrome"}]}"#;
    assert!(structured(headless, None).crawler);
    assert!(structured("{}", Some("Googlebot/2.1")).crawler);
    assert!(!structured(r#"{"browsers":[{"brand":"Chromium"}]}"#, Some("Chrome")).crawler);
}

#[test]
fn only_the_beginning_of_a_long_text_is_looked_at() {
    let long = "é".repeat(AGENT_BYTES_MAX) + "Googlebot";
    assert!(!of(&long).crawler);
}
