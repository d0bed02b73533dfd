//! The kinds of record the hub serves, and their names in paths and in the state file.

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Country,
    City,
    Township,
    District,
    Channel,
    RetailStore,
    Order,
    OrderItem,
    Product,
    Customer,
    Address,
    Cargo,
    CancellationReason,
    CancellationRequest,
    CancellationPlan,
    BatchRequest,
    IntegrationAction,
    ContentType,
    Mapping,
    Webhook,
}

impl Kind {
    /// Every kind with the word it has in paths; the word is also its key in the state file.
    pub(crate) const ALL: [(Self, &'static str); 20] = [
        (Self::Country, "countries"),
        (Self::City, "cities"),
        (Self::Township, "townships"),
        (Self::District, "districts"),
        (Self::Channel, "channels"),
        (Self::RetailStore, "retail_stores"),
        (Self::Order, "orders"),
        (Self::OrderItem, "order_items"),
        (Self::Product, "products"),
        (Self::Customer, "customers"),
        (Self::Address, "addresses"),
        (Self::Cargo, "cargos"),
        (Self::CancellationReason, "cancellation_reasons"),
        (Self::CancellationRequest, "cancellation_requests"),
        (Self::CancellationPlan, "cancellation_plans"),
        (Self::BatchRequest, "batch_requests"),
        (Self::IntegrationAction, "integration_actions"),
        (Self::ContentType, "content_types"),
        (Self::Mapping, "mappings"),
        (Self::Webhook, "webhooks"),
    ];

    /// The word in paths.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(k, _)| *k == self).map_or("", |(_, n)| n)
    }

    /// From the word in a path; cargo companies have two.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "cargo_companies" => Some(Self::Cargo),
            _ => Self::ALL.iter().find(|(_, n)| *n == name).map(|(k, _)| *k),
        }
    }
}

/// The models a batch or an integration action may speak of; a content type's id is its place here.
pub(crate) const MODELS: [(&str, &str); 12] = [
    ("orders", "order"),
    ("orders", "orderitem"),
    ("products", "product"),
    ("products", "productprice"),
    ("products", "productstock"),
    ("products", "productimage"),
    ("channels", "channel"),
    ("orders", "cancellationrequest"),
    ("integrations", "batchrequest"),
    ("integrations", "integrationaction"),
    ("categories", "categorytree"),
    ("categories", "categorynode"),
];

/// The id of a model's content type.
pub(crate) fn content_type_id(model: &str) -> Option<i64> {
    MODELS.iter().position(|(_, m)| *m == model).map(|at| at as i64 + 1)
}
