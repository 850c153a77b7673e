//! What `/system`, `/status` and the calls below them tell about the product itself. Not for logging in.

use serde_json::json;

use super::wire::{self, Object};

/// The version this sandbox plays: keys are accepted, strangers are told no version, and an analysis of one result
/// needs its id twice.
const VERSION: &str = "6.4.0";

/// `/system` as an authenticated user sees it. Everything is a string, but for the offsets of the time zones, which
/// make up most of the answer.
pub(super) fn describe(idle_timeout: f64) -> Object {
    #[expect(clippy::cast_possible_truncation, reason = "at most 14 hours")]
    let number = |offset: f64| if offset.fract() == 0.0 { json!(offset as i64) } else { json!(offset) };
    let zones: Vec<_> = zones().map(|(name, offset)| json!({"name": name, "gmtOffset": number(offset)})).collect();
    let report = |name: &str, kind: &str, enabled: &str, sets: &[&str]| json!({"name": name, "type": kind, "enabled": enabled, "attributeSets": sets});
    object(json!({
        "reportTypes": [
            report("PDF", "pdf", "true", &[]),
            report("CSV", "csv", "true", &[]),
            report("RTF", "rtf", "true", &[]),
            report("DISA ARF", "arf", "false", &["arf"]),
            report("CyberScope", "lasr", "true", &["lasr"]),
        ],
        "version": VERSION,
        "buildID": "202405231230",
        "releaseID": "202405231230",
        "banner": "",
        "uuid": wire::uuid(0, 1).to_lowercase(),
        "logo": "assets/mariana/images/sc4icon.png",
        "serverAuth": "any",
        "serverClassification": "None",
        "sessionTimeout": wire::seconds(idle_timeout).to_string(),
        "licenseStatus": "Valid",
        "licenseMode": "SC",
        "APIKeysEnabled": "true",
        "ACAS": "false",
        "freshInstall": "no",
        "headerText": "",
        "loginNotifications": "false",
        "PasswordComplexity": "true",
        "telemetryEnabled": "false",
        "timezones": zones,
    }))
}

/// `/status`: the licence, and whether the job daemon runs.
pub(super) fn status(now: f64) -> Object {
    let updated = wire::epoch(Some(now - 6.0 * 3600.0));
    object(json!({
        "jobd": "Running",
        "licenseStatus": "Valid",
        "PluginSubscriptionStatus": "Valid",
        "LCEPluginSubscriptionStatus": "Expired",
        "PassivePluginSubscriptionStatus": null,
        "pluginUpdates": {
            "active": {"updateTime": updated, "stale": "false", "pluginCurrentSet": "202405230915"},
            "passive": {"updateTime": updated, "stale": "false"},
            "lce": {"updateTime": "-1", "stale": "true"},
        },
        "feedUpdates": {"updateTime": updated, "stale": "false"},
        "activeIPs": "46",
        "licensedIPs": "512",
    }))
}

/// `/system/diagnostics`; `generated` is when the last diagnostics file was made.
pub(super) fn diagnostics(generated: Option<f64>) -> Object {
    object(json!({
        "statusJava": "OK",
        "statusDisk": "OK",
        "statusDiskThreshold": "5%",
        "statusRPM": "OK",
        "diagnosticsGenerated": wire::epoch(generated),
        "statusLastChecked": wire::epoch(generated),
        "statusThresholdCPU": "",
    }))
}

/// The plugin languages of `/system/locales`.
pub(super) const LOCALES: [(&str, &str); 4] =
    [("en", "English"), ("ja", "Japanese"), ("zh_CN", "Simplified Chinese"), ("zh_TW", "Traditional Chinese")];

/// Where the clock of a zone stands against UTC, in hours.
pub(super) fn offset_of(zone: &str) -> Option<f64> {
    zones().find(|(name, _)| name == zone).map(|(_, offset)| offset)
}

fn object(value: serde_json::Value) -> Object {
    match value {
        serde_json::Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn zones() -> impl Iterator<Item = (String, f64)> {
    ZONES.lines().flat_map(|line| {
        let (region, places) = line.split_once(": ").unwrap_or((line, ""));
        places.split(' ').filter_map(move |place| {
            let (name, offset) = place.split_once('=')?;
            let full = if region == "-" { name.to_owned() } else { format!("{region}/{name}") };
            Some((full, offset.parse().ok()?))
        })
    })
}

/// Standard time only, as the vendor's own list: it knows no summer.
const ZONES: &str = "\
Africa: Abidjan=0 Accra=0 Addis_Ababa=3 Algiers=1 Asmara=3 Bamako=0 Bangui=1 Banjul=0 Bissau=0 Blantyre=2 \
Brazzaville=1 Bujumbura=2 Cairo=2 Casablanca=0 Ceuta=1 Conakry=0 Dakar=0 Dar_es_Salaam=3 Djibouti=3 Douala=1 \
El_Aaiun=0 Freetown=0 Gaborone=2 Harare=2 Johannesburg=2 Juba=3 Kampala=3 Khartoum=2 Kigali=2 Kinshasa=1 Lagos=1 \
Libreville=1 Lome=0 Luanda=1 Lubumbashi=2 Lusaka=2 Malabo=1 Maputo=2 Maseru=2 Mbabane=2 Mogadishu=3 Monrovia=0 \
Nairobi=3 Ndjamena=1 Niamey=1 Nouakchott=0 Ouagadougou=0 Porto-Novo=1 Sao_Tome=1 Tripoli=2 Tunis=1 Windhoek=2
America: Adak=-10 Anchorage=-9 Anguilla=-4 Antigua=-4 Aruba=-4 Asuncion=-4 Barbados=-4 Belem=-3 Belize=-6 Bogota=-5 \
Boise=-7 Caracas=-4 Cayenne=-3 Cayman=-5 Chicago=-6 Chihuahua=-7 Costa_Rica=-6 Cuiaba=-4 Curacao=-4 Denver=-7 \
Detroit=-5 Dominica=-4 Edmonton=-7 El_Salvador=-6 Fortaleza=-3 Grenada=-4 Guadeloupe=-4 Guatemala=-6 Guayaquil=-5 \
Guyana=-4 Halifax=-4 Havana=-5 Hermosillo=-7 Jamaica=-5 Juneau=-9 La_Paz=-4 Lima=-5 Los_Angeles=-8 Managua=-6 \
Manaus=-4 Martinique=-4 Mazatlan=-7 Mexico_City=-6 Miquelon=-3 Montevideo=-3 Nassau=-5 New_York=-5 Nome=-9 Panama=-5 \
Paramaribo=-3 Phoenix=-7 Port_of_Spain=-4 Puerto_Rico=-4 Recife=-3 Regina=-6 Santiago=-4 Santo_Domingo=-4 \
Sao_Paulo=-3 St_Johns=-3.5 St_Lucia=-4 Tegucigalpa=-6 Tijuana=-8 Toronto=-5 Vancouver=-8 Whitehorse=-8 Winnipeg=-6
Asia: Aden=3 Almaty=6 Amman=2 Ashgabat=5 Baghdad=3 Bahrain=3 Baku=4 Bangkok=7 Beirut=2 Bishkek=6 Brunei=8 Colombo=5.5 \
Damascus=2 Dhaka=6 Dubai=4 Dushanbe=5 Gaza=2 Ho_Chi_Minh=7 Hong_Kong=8 Irkutsk=8 Jakarta=7 Jerusalem=2 Kabul=4.5 \
Karachi=5 Kathmandu=5.75 Kolkata=5.5 Kuala_Lumpur=8 Kuwait=3 Macau=8 Manila=8 Muscat=4 Nicosia=2 Novosibirsk=7 Omsk=6 \
Phnom_Penh=7 Pyongyang=9 Qatar=3 Riyadh=3 Samarkand=5 Seoul=9 Shanghai=8 Singapore=8 Taipei=8 Tashkent=5 Tbilisi=4 \
Tehran=3.5 Thimphu=6 Tokyo=9 Ulaanbaatar=8 Vientiane=7 Vladivostok=10 Yangon=6.5 Yekaterinburg=5 Yerevan=4
Atlantic: Azores=-1 Bermuda=-4 Canary=0 Cape_Verde=-1 Faroe=0 Madeira=0 Reykjavik=0 Stanley=-3
Australia: Adelaide=9.5 Brisbane=10 Darwin=9.5 Hobart=10 Melbourne=10 Perth=8 Sydney=10
Europe: Amsterdam=1 Andorra=1 Athens=2 Belgrade=1 Berlin=1 Bratislava=1 Brussels=1 Bucharest=2 Budapest=1 Chisinau=2 \
Copenhagen=1 Dublin=0 Gibraltar=1 Helsinki=2 Istanbul=3 Kaliningrad=2 Kyiv=2 Lisbon=0 Ljubljana=1 London=0 \
Luxembourg=1 Madrid=1 Malta=1 Minsk=3 Monaco=1 Moscow=3 Oslo=1 Paris=1 Podgorica=1 Prague=1 Riga=2 Rome=1 Samara=4 \
San_Marino=1 Sarajevo=1 Skopje=1 Sofia=2 Stockholm=1 Tallinn=2 Tirane=1 Vaduz=1 Vatican=1 Vienna=1 Vilnius=2 \
Warsaw=1 Zagreb=1 Zurich=1
Indian: Antananarivo=3 Maldives=5 Mauritius=4 Reunion=4
Pacific: Apia=13 Auckland=12 Fiji=12 Guam=10 Honolulu=-10 Noumea=11 Pago_Pago=-11 Port_Moresby=10 Tahiti=-10
-: UTC=0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_read() {
        assert_eq!(offset_of("UTC"), Some(0.0));
        assert_eq!(offset_of("America/New_York"), Some(-5.0));
        assert_eq!(offset_of("Asia/Kathmandu"), Some(5.75));
        assert_eq!(offset_of("Mars/Olympus"), None);
        assert!(zones().count() > 240, "{}", zones().count());
    }
}
