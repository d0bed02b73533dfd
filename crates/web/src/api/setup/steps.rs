//! The fifteen steps of an installation in English sentences: what the setup screen shows, for software and the shell.

use std::fmt::Display;

use axum::Json;
use axum::extract::State;
use oms_app::App;
use oms_app::setup::doctor::{self, Standing, Step};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::WebState;
use crate::ui::words::Lang;

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    /// 1 to 15, in the order they are done.
    pub number: u8,
    /// Its name in addresses.
    pub name: &'static str,
    pub title: String,
    /// What it is for.
    pub about: String,
    /// `done`, `working`, `needs_you`, `failed`, or `optional`: nothing is there and nothing is needed.
    pub state: &'static str,
    /// What is there, in numbers.
    pub message: String,
    /// Of a copy that runs: records copied.
    pub done: Option<i64>,
    /// Of a copy that runs: records known so far.
    pub total: Option<i64>,
    /// What went wrong last.
    pub error: Option<String>,
    /// The screen that shows it alone, and from which it is run.
    pub screen: String,
}

/// Where an installation stands. `is_ready`: no step failed or needs a person.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepsView {
    pub is_ready: bool,
    pub steps: Vec<StepView>,
}

fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Done => "done",
        Standing::Working => "working",
        Standing::NeedsYou => "needs_you",
        Standing::Failed => "failed",
        Standing::Optional => "optional",
    }
}

fn view(step: Step) -> StepView {
    let lang = Lang::En;
    let parts: Vec<&dyn Display> = step.parts.iter().map(|p| p as &dyn Display).collect();
    StepView {
        number: step.n,
        name: step.name,
        title: lang.t(&format!("step-{}", step.name)).to_owned(),
        about: lang.t(&format!("step-about_{}", step.name)).to_owned(),
        state: state(step.standing),
        message: lang.say(step.said, &parts),
        done: step.progress.map(|(done, _)| done),
        total: step.progress.map(|(_, total)| total),
        error: step.problem,
        screen: format!("/{}/oms/settings/basic-setup/{}", lang.code(), step.name),
    }
}

/// Reads every step. Nothing outside is asked.
pub async fn setup_steps(app: &App) -> oms_app::Result<StepsView> {
    let steps = doctor::read(app).await?;
    let is_open = |s: &Step| matches!(s.standing, Standing::NeedsYou | Standing::Failed);
    Ok(StepsView { is_ready: !steps.iter().any(is_open), steps: steps.into_iter().map(view).collect() })
}

/// **Ours.** Where the fifteen steps of the installation stand, with numbers and what to do.
#[utoipa::path(get, path = "/api/v1/oms/setup/", tag = "setup", responses((status = 200, body = StepsView)))]
pub(crate) async fn list(State(state): State<WebState>) -> Result<Json<StepsView>, Problem> {
    Ok(Json(setup_steps(&state.app).await?))
}
