//! What lists are asked: each of their filters with values common and rare, and the pairs that saved views use.

use oms_core::time::format_us;
use oms_store::lists::logs as log_lists;
use oms_store::lists::{List, tables, transfers};
use oms_store::orders::order_views;

use super::world::{SPAN_US, START_US};

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    Packages,
    PackageItems,
    Orders,
    Plans,
    Transfers,
    TransferItems,
    Steps,
    Stocks,
}

impl Noun {
    pub const ALL: [Self; 8] = [
        Self::Packages,
        Self::PackageItems,
        Self::Orders,
        Self::Plans,
        Self::Transfers,
        Self::TransferItems,
        Self::Steps,
        Self::Stocks,
    ];

    pub fn list(self) -> &'static List {
        match self {
            Self::Packages => &oms_store::packages::LIST,
            Self::PackageItems => &oms_store::packages::ITEM_LIST,
            Self::Orders => &order_views::ORDERS,
            Self::Plans => &tables::PLANS,
            Self::Transfers => &transfers::LIST,
            Self::TransferItems => &transfers::ITEM_LIST,
            Self::Steps => &log_lists::LIST,
            Self::Stocks => &tables::STOCKS,
        }
    }

    /// Pairs that saved views use.
    pub fn pairs(self) -> &'static [[&'static str; 2]] {
        match self {
            Self::Packages => &[
                ["state", "stock_location__erp_code"],
                ["state", "created_date__gte"],
                ["order__channel", "state"],
                ["stock_location__erp_code", "created_date__gte"],
                ["state__enum_value__in", "stock_location__erp_code"],
            ],
            Self::Orders => &[["channel", "state__enum_value"], ["channel", "created_date__gte"]],
            Self::Transfers => &[["state", "source__erp_code"], ["state", "created_date__gte"]],
            _ => &[],
        }
    }
}

/// Values of a filter among `n` packages: common and rare, of both ends of the data and of none.
pub fn values(noun: Noun, n: i64, filter: &str) -> Vec<String> {
    let moment = |share: f64| format_us(START_US + (SPAN_US as f64 * share) as i64);
    let texts = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let numbers = |all: &[i64]| all.iter().map(i64::to_string).collect::<Vec<_>>();
    let order = 1_000_000 + n / 3;
    if filter.contains("date__") || filter.contains("date_placed__") {
        return [0.001, 0.1, 0.5, 0.9, 0.99, 0.999].into_iter().map(moment).collect();
    }
    match filter {
        "id" | "order" | "package" | "transfer_order" | "order_item" | "package_item" | "object_id" => {
            numbers(&[10, n / 2 / 10 * 10, n * 9])
        }
        "id__gt" | "id__gte" | "id__lt" | "id__lte" => numbers(&[1, n / 100, n / 2, n * 99 / 100]),
        "id__in" | "pk__in" => texts(&["1,2,3", "10,20,30,40,50,60,70,80,90,100"]),
        "omnitron_id" | "order__omnitron_id" => numbers(&[5, n / 2, n * 9]),
        "omnitron_id__in" | "order_item__omnitron_id" => texts(&["5,6,7", "9000000"]),
        "number" | "order_number" | "order__number" | "package_number" | "package__number" => {
            let mut all = vec!["B".to_owned(), "B10".into(), "X".into()];
            all.extend([
                format!("B{}", order / 1000),
                format!("B{order}"),
                format!("B{order}P1"),
                format!("B{order}P1T1"),
            ]);
            all
        }
        "state" if noun == Noun::Plans => texts(&["completed", "pending", "start"]),
        "plan__state" => texts(&["completed", "pending", "start"]),
        "reason" => texts(&["no_scenario", "no_such"]),
        "state" | "state__enum_value" if matches!(noun, Noun::Transfers | Noun::TransferItems) => {
            match filter {
                "state" => numbers(&[40, 95, 10, 90]),
                _ => texts(&["transferred", "waiting,in_transit"]),
            }
        }
        "state__enum_value" if noun == Noun::Orders => numbers(&[550, 400, 100, 50]),
        "state" | "state__enum_value" | "state__enum_value__ne" | "new_state" | "old_state" => {
            numbers(&[700, 900, 600, 100, 930, 650])
        }
        "state__enum_value__in" => texts(&["700,900", "100,200,400,450", "920,930", "650"]),
        "old_state__name" | "new_state__name" => texts(&["Waiting", "Delivered", "Cancelled"]),
        "old_state__enum_value__in" | "new_state__enum_value__in" => texts(&["700", "100,400", "930"]),
        "content_type" => texts(&["package", "transferorder"]),
        "channel" | "order__channel" => numbers(&[1, 2, 3, 4, 9]),
        "order__customer__first_name" | "customer__first_name" => texts(&["First7", "FIRST299", "Nobody"]),
        "order__customer__last_name" | "customer__last_name" => texts(&["Last7", "Last4999", "Nobody"]),
        "channel__omnitron_id" | "order__channel__omnitron_id" => texts(&["1", "4", "2,3", "9"]),
        "delivery_range_lower" | "delivery_range_upper" => {
            [0.1, 0.5, 0.999].into_iter().map(moment).collect()
        }
        "delivery_range_date" => texts(&["2024-03-05", "2025-12-20", "2030-01-01"]),
        "country__name" | "destination__country__name" => texts(&["ülke 1", "ULKE 2", "nowhere"]),
        "city__name" | "destination__city__name" => texts(&["ŞEHİR 1", "sehir 40", "nowhere"]),
        "township__name" | "destination__township__name" => texts(&["ilçe 1", "İLÇE 450", "nowhere"]),
        "order__date_placed" | "date_placed" => texts(&["2024-03-05", "2025-12-20", "2030-01-01"]),
        "order__delivery_type" | "delivery_type" => texts(&["home", "in_store", "drone"]),
        "stock_location" => numbers(&[1, 2, 50, 199, 999]),
        "stock_location__erp_code"
        | "source__erp_code"
        | "destination__erp_code"
        | "erp_code"
        | "location__erp_code"
        | "order__retail_store__erp_code"
        | "stock_location_or_retail_store__erp_code"
        | "retail_store__erp_code" => texts(&["L001", "L002", "L050", "L199", "L010,L100,L150", "X"]),
        "stock_location__stock_location_type" => texts(&["store", "warehouse", "none"]),
        "product_sku" | "sku" => texts(&["SKU-000007-M", "SKU-000700-S", "none"]),
        "product_barcode" => texts(&["8690000000097", "8690000009700", "none"]),
        "product" => numbers(&[1, 100, 999_999_999]),
        "quantity" | "quantity__gt" | "quantity__gte" | "quantity__lt" | "quantity__lte" => {
            numbers(&[1, 2, 3, 50])
        }
        "cancellation_failed" | "click_and_collect" | "is_busy" | "is_short" => texts(&["true", "false"]),
        "shipment__cargo_company" => texts(&["yurtici", "aras", "rare", "none"]),
        "shipment__tracking_number" => texts(&["TR500000010", "none"]),
        "country" | "destination__country" => numbers(&[1, 2, 3]),
        "city" | "destination__city" => numbers(&[1, 40, 999]),
        "township" | "destination__township" => numbers(&[1, 450, 9999]),
        "shipping_option_slug__in" | "shipping_option_slug__exclude" => {
            texts(&["standard", "fast", "standard,fast", "none"])
        }
        "engine" => numbers(&[1]),
        other => panic!("values for the filter {other} of {noun:?} are missing"),
    }
}
