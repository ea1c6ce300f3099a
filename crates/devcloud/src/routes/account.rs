//! `/authorize`, `/disable_access_token`, `/account/info`, `/account/package`.

use serde_json::{Value, json};

use crate::auth::{self, Credentials, KEY_LENGTH, Login};
use crate::clock::date;
use crate::params::Given;
use crate::quirk_table::Quirk;
use crate::reply::{Answer, Failure, Outcome, Refusal};
use crate::routes::call::Call;
use crate::world::package;

const REJECTED: &str = "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins.";

/// `/authorize`.
pub(crate) fn authorize(call: &mut Call) -> Outcome {
    let form = call.quirks.word(Quirk::Site, "sign-in");
    let has_name = call.params.raw("username").is_some();
    let by_password = form == "password" || (form == "both" && has_name);
    let (first, second) = if by_password {
        ("username", "password")
    } else {
        ("key1", "key2")
    };
    let long_enough = |value: &[u8]| by_password || value.len() == KEY_LENGTH;
    let missing = |key: &str| match by_password {
        true => Failure::input(format!("Please provide a {key}.")),
        false => Failure::input(format!(
            "Please provide {key}. It must be {KEY_LENGTH} characters in length."
        )),
    };
    let one = call
        .params
        .raw(first)
        .filter(|v| long_enough(v))
        .ok_or_else(|| missing(first))?;
    let two = call
        .params
        .raw(second)
        .filter(|v| long_enough(v))
        .ok_or_else(|| missing(second))?;
    let credentials = if by_password {
        Credentials::Password(one, two)
    } else {
        Credentials::Keys(one, two)
    };
    let mut store = call.world.store();
    let account = &call.world.account;
    match auth::sign_in(
        &mut store,
        account,
        &credentials,
        &call.ip,
        &call.quirks,
        call.now,
    )? {
        Login::Rejected => Err(Failure::Refused(Refusal::Token, REJECTED.to_owned())),
        Login::In { token, cookie } => {
            if store.setting("api_access")?.is_some_and(|access| access == "0") {
                store.drop_token(&token)?;
                let text = "Your account level does not have access to the file upload API. Please contact site support.";
                return Err(Failure::Refused(Refusal::Token, text.to_owned()));
            }
            store.set_setting("last_login", &call.now.to_string())?;
            let data = json!({"access_token": token, "account_id": account.id.to_string()});
            Ok(Answer {
                cookie: Some(cookie),
                ..Answer::data(data)
            })
        }
    }
}

/// `/disable_access_token`.
pub(crate) fn disable(call: &mut Call) -> Outcome {
    call.signed_in()?;
    let token = call
        .params
        .raw("access_token")
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    call.world.store().drop_token(&token)?;
    Ok(Answer::text("Token removed or no longer available."))
}

/// `/account/info`: the row of any account number; `false` where there is none.
pub(crate) fn info(call: &mut Call) -> Outcome {
    call.token_owner()?;
    let account = &call.world.account;
    if call.params.given("account_id") != Given::Number(account.id) {
        return Ok(Answer::data(Value::Bool(false)));
    }
    let store = call.world.store();
    let login = store
        .setting("last_login")?
        .and_then(|at| at.parse().ok())
        .map(date);
    let status = store
        .setting("account_status")?
        .unwrap_or_else(|| "active".to_owned());
    Ok(Answer::data(json!({
        "id": account.id.to_string(), "username": account.username, "level_id": "20", "email": "email@yoursite.com",
        "lastlogindate": login, "lastloginip": call.ip, "status": status, "title": "Mr",
        "firstname": "Admin", "lastname": "User", "languageId": "1", "datecreated": null,
        "lastPayment": "2011-12-27 13:45:22", "paidExpiryDate": null, "storageLimitOverride": null,
    })))
}

/// `/account/package`.
pub(crate) fn limits(call: &mut Call) -> Outcome {
    call.token_owner()?;
    if call.params.given("account_id") != Given::Number(call.world.account.id) {
        return Ok(Answer::data(Value::Bool(false)));
    }
    let store = call.world.store();
    let mut package = package(&store)?;
    let days = call.world.inactive_days(&store, &call.quirks)?;
    package.insert("days_to_keep_inactive_files".to_owned(), days.to_string());
    Ok(Answer::data(json!(package)))
}
