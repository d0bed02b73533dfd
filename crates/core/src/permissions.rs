//! Permissions: every route names one, and the router refuses to start without.

/// Something a person or token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Needs no sign-in: health, sign-in itself, the first-administrator link, the API description.
    Public,
    /// Anything a signed-in user may do: ask who they are.
    SignedIn,
    OrdersRead,
    OrdersWrite,
    PackagesRead,
    PackagesWrite,
    PlansRead,
    LocationsRead,
    LocationsWrite,
    StockRead,
    StockWrite,
    EnginesRead,
    EnginesWrite,
    /// Cargo companies and when they apply.
    CargoRead,
    CargoWrite,
    ScenariosRead,
    ScenariosWrite,
    SettingsRead,
    SettingsWrite,
    SetupRun,
    /// Every change of every record, with what the records hold.
    EventsRead,
    /// Webhooks and their deliveries, which hold what the records hold.
    HooksRead,
    HooksWrite,
    /// Deliver webhooks from the hub.
    HubWebhooks,
    UsersWrite,
}

/// Who somebody is. Finer roles come later; the table is their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Administrator,
    /// The hub's own token: it may deliver webhooks and nothing else.
    Hub,
}

impl Role {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Hub => "hub",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "administrator" => Some(Self::Administrator),
            "hub" => Some(Self::Hub),
            _ => None,
        }
    }

    /// Whether the role includes the permission.
    pub fn may(self, permission: Permission) -> bool {
        match self {
            Self::Administrator => true,
            Self::Hub => {
                matches!(permission, Permission::Public | Permission::SignedIn | Permission::HubWebhooks)
            }
        }
    }
}
