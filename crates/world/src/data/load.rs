//! Reading a data directory. Every error names the file and the line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use oms_core::{money, time};
use sha2::{Digest, Sha256};

use super::{Customer, Dataset, Line, Location, LocationKind, Order, Product, StockRow};

/// Largest unpacked file: far above a year of a large retailer, far below what a packed bomb makes.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;
/// Most units on one line or in one stock row; above it a file is more likely broken than busy.
const MAX_UNITS: i64 = 1_000_000_000;

/// Why a data directory was refused.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("{file}: neither {file}.csv nor {file}.csv.gz is in {dir}")]
    Missing { file: &'static str, dir: String },
    #[error("{file}: cannot be read: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file}: larger than {MAX_FILE_BYTES} bytes when unpacked")]
    TooLarge { file: String },
    #[error("{file}: column {column} is missing from the header")]
    Column { file: String, column: &'static str },
    #[error("{file}, line {line}: {what}")]
    Row { file: String, line: u64, what: String },
    #[error("{file}: has no rows")]
    Empty { file: String },
}

/// A file's rows with the named columns, whatever order the header puts them in.
struct Table<const N: usize> {
    file: String,
    rows: csv::ByteRecordsIntoIter<std::io::Cursor<Vec<u8>>>,
    columns: [usize; N],
}

/// One row: its texts in the asked order, and where it stands.
struct Row<'a, const N: usize> {
    texts: [&'a str; N],
    file: &'a str,
    line: u64,
}

impl<const N: usize> Row<'_, N> {
    fn wrong(&self, what: impl Into<String>) -> DataError {
        DataError::Row { file: self.file.to_owned(), line: self.line, what: what.into() }
    }

    fn text(&self, at: usize, column: &str) -> Result<String, DataError> {
        match self.texts[at].trim() {
            "" => Err(self.wrong(format!("{column} is empty"))),
            text => Ok(text.to_owned()),
        }
    }

    fn units(&self, at: usize, column: &str, least: i64) -> Result<i64, DataError> {
        let units = self.texts[at].trim().parse::<i64>().ok().filter(|n| (least..=MAX_UNITS).contains(n));
        units.ok_or_else(|| {
            self.wrong(format!("{column} {:?} is not a whole number from {least}", self.texts[at]))
        })
    }

    fn degrees(&self, at: usize, column: &str, most: f64) -> Result<f64, DataError> {
        let degrees = self.texts[at].trim().parse::<f64>().ok().filter(|d| d.abs() <= most);
        degrees
            .ok_or_else(|| self.wrong(format!("{column} {:?} is not within ±{most} degrees", self.texts[at])))
    }
}

impl<const N: usize> Table<N> {
    fn open(
        dir: &Path,
        name: &'static str,
        columns: [&'static str; N],
        seal: &mut Sha256,
    ) -> Result<Self, DataError> {
        let (file, bytes) = read(dir, name)?;
        seal.update(name.as_bytes());
        seal.update((bytes.len() as u64).to_le_bytes());
        seal.update(&bytes);
        let mut reader = csv::ReaderBuilder::new().from_reader(std::io::Cursor::new(bytes));
        let header = reader.headers().map_err(|e| row_error(&file, &e))?.clone();
        let mut found = [0; N];
        for (slot, column) in found.iter_mut().zip(columns) {
            let at = header.iter().position(|h| h.trim_start_matches('\u{feff}').trim() == column);
            *slot = at.ok_or_else(|| DataError::Column { file: file.clone(), column })?;
        }
        Ok(Self { file, rows: reader.into_byte_records(), columns: found })
    }

    fn each(self, mut take: impl FnMut(Row<'_, N>) -> Result<(), DataError>) -> Result<(), DataError> {
        for record in self.rows {
            let record = record.map_err(|e| row_error(&self.file, &e))?;
            let line = record.position().map_or(0, csv::Position::line);
            let mut row = Row { texts: [""; N], file: &self.file, line };
            for (text, at) in row.texts.iter_mut().zip(self.columns) {
                let bytes = record.get(at).unwrap_or_default();
                *text = std::str::from_utf8(bytes).map_err(|_| DataError::Row {
                    file: self.file.clone(),
                    line,
                    what: "is not UTF-8".into(),
                })?;
            }
            take(row)?;
        }
        Ok(())
    }
}

fn row_error(file: &str, error: &csv::Error) -> DataError {
    let line = error.position().map_or(1, csv::Position::line);
    DataError::Row { file: file.to_owned(), line, what: error.to_string() }
}

fn read(dir: &Path, name: &'static str) -> Result<(String, Vec<u8>), DataError> {
    for (file, packed) in [(format!("{name}.csv"), false), (format!("{name}.csv.gz"), true)] {
        let path = dir.join(&file);
        if !path.is_file() {
            continue;
        }
        let failed = |source| DataError::Read { file: file.clone(), source };
        let opened = File::open(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        let size = if packed {
            MultiGzDecoder::new(opened).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)
        } else {
            opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)
        };
        return match size.map_err(failed)? as u64 > MAX_FILE_BYTES {
            true => Err(DataError::TooLarge { file }),
            false => Ok((file, bytes)),
        };
    }
    Err(DataError::Missing { file: name, dir: dir.display().to_string() })
}

pub(super) fn load(dir: &Path) -> Result<Dataset, DataError> {
    let mut seal = Sha256::new();
    let customers = customers(dir, &mut seal)?;
    let locations = locations(dir, &mut seal)?;
    let products = products(dir, &mut seal)?;
    let stock = stock(dir, &locations, &mut seal)?;
    let orders = orders(dir, &customers, &mut seal)?;
    Ok(Dataset { orders, customers, locations, stock, products, identity: hex::encode(seal.finalize()) })
}

fn customers(dir: &Path, seal: &mut Sha256) -> Result<Vec<Customer>, DataError> {
    let columns = ["customer", "country", "city", "township", "latitude", "longitude"];
    let mut customers = Vec::new();
    Table::open(dir, "customers", columns, seal)?.each(|row| {
        customers.push(Customer {
            code: row.text(0, "customer")?,
            country: row.text(1, "country")?,
            city: row.text(2, "city")?,
            township: row.text(3, "township")?,
            lat: row.degrees(4, "latitude", 90.0)?,
            lon: row.degrees(5, "longitude", 180.0)?,
        });
        Ok(())
    })?;
    Ok(customers)
}

fn locations(dir: &Path, seal: &mut Sha256) -> Result<Vec<Location>, DataError> {
    let columns = ["erp_code", "kind", "name", "country", "city", "township", "latitude", "longitude"];
    let mut locations: Vec<Location> = Vec::new();
    let mut known = HashMap::new();
    Table::open(dir, "stock_locations", columns, seal)?.each(|row| {
        let kind = match row.texts[1].trim() {
            "store" => LocationKind::Store,
            "warehouse" => LocationKind::Warehouse,
            other => return Err(row.wrong(format!("kind {other:?} is neither store nor warehouse"))),
        };
        let erp_code = row.text(0, "erp_code")?;
        if known.insert(erp_code.clone(), ()).is_some() {
            return Err(row.wrong(format!("erp_code {erp_code} stands twice")));
        }
        locations.push(Location {
            erp_code,
            kind,
            name: row.text(2, "name")?,
            country: row.text(3, "country")?,
            city: row.text(4, "city")?,
            township: row.text(5, "township")?,
            lat: row.degrees(6, "latitude", 90.0)?,
            lon: row.degrees(7, "longitude", 180.0)?,
        });
        Ok(())
    })?;
    Ok(locations)
}

fn products(dir: &Path, seal: &mut Sha256) -> Result<Vec<Product>, DataError> {
    let columns = ["sku", "department", "brand", "product_category", "product_type", "package_size"];
    let mut products = Vec::new();
    Table::open(dir, "products", columns, seal)?.each(|row| {
        let text = |at: usize| row.texts[at].trim().to_owned();
        products.push(Product {
            sku: row.text(0, "sku")?,
            department: text(1),
            brand: text(2),
            category: text(3),
            kind: text(4),
            package_size: text(5),
        });
        Ok(())
    })?;
    Ok(products)
}

fn stock(dir: &Path, locations: &[Location], seal: &mut Sha256) -> Result<Vec<StockRow>, DataError> {
    let known: HashMap<&str, ()> = locations.iter().map(|l| (l.erp_code.as_str(), ())).collect();
    let mut stock = Vec::new();
    Table::open(dir, "stock", ["erp_code", "sku", "quantity"], seal)?.each(|row| {
        let erp_code = row.text(0, "erp_code")?;
        if !known.contains_key(erp_code.as_str()) {
            return Err(row.wrong(format!("erp_code {erp_code} is not in stock_locations")));
        }
        stock.push(StockRow { erp_code, sku: row.text(1, "sku")?, quantity: row.units(2, "quantity", 0)? });
        Ok(())
    })?;
    Ok(stock)
}

fn orders(dir: &Path, customers: &[Customer], seal: &mut Sha256) -> Result<Vec<Order>, DataError> {
    let people: HashMap<&str, usize> =
        customers.iter().enumerate().map(|(i, c)| (c.code.as_str(), i)).collect();
    let columns = ["order_number", "customer", "placed_at", "sku", "quantity", "unit_price"];
    let mut orders: Vec<Order> = Vec::new();
    let mut by_number: HashMap<String, usize> = HashMap::new();
    let table = Table::open(dir, "order_lines", columns, seal)?;
    let file = table.file.clone();
    table.each(|row| {
        let number = row.text(0, "order_number")?;
        let customer = people.get(row.texts[1].trim()).copied();
        let customer =
            customer.ok_or_else(|| row.wrong(format!("customer {:?} is not in customers", row.texts[1])))?;
        let placed_us = time::parse_us(row.texts[2]).map_err(|e| row.wrong(format!("placed_at {e}")))?;
        let line = Line {
            sku: row.text(3, "sku")?,
            quantity: row.units(4, "quantity", 1)?,
            unit_price_minor: money::parse_minor(row.texts[5])
                .map_err(|e| row.wrong(format!("unit_price: {e}")))?,
        };
        let at = *by_number.entry(number.clone()).or_insert_with(|| {
            orders.push(Order { number, customer, placed_us, lines: Vec::new() });
            orders.len() - 1
        });
        if orders[at].customer != customer || orders[at].placed_us != placed_us {
            let number = &orders[at].number;
            return Err(row.wrong(format!("order {number} has another customer or time on an earlier line")));
        }
        orders[at].lines.push(line);
        Ok(())
    })?;
    if orders.is_empty() { Err(DataError::Empty { file }) } else { Ok(orders) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(lines: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("dir");
        let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("write");
        put(
            "customers.csv",
            "customer,country,city,township,latitude,longitude\nC1,Arda,Ost,Ost,40.5,30.25\n",
        );
        put(
            "stock_locations.csv",
            "erp_code,kind,name,country,city,township,latitude,longitude\nS1,store,One,Arda,Ost,Ost,40.4,30.2\n",
        );
        put("stock.csv", "erp_code,sku,quantity\nS1,A,3\n");
        put("products.csv", "sku,department,brand,product_category,product_type,package_size\nA,,,,TEA,\n");
        put("order_lines.csv", &format!("order_number,customer,placed_at,sku,quantity,unit_price\n{lines}"));
        dir
    }

    #[test]
    fn lines_of_an_order_are_grouped() {
        let dir = dir(
            "N1,C1,2031-01-01T10:00:00+03:00,A,2,1.5\nN2,C1,2031-01-01T11:00:00Z,A,1,3\nN1,C1,2031-01-01T10:00:00+03:00,B,1,0.05\n",
        );
        let data = load(dir.path()).expect("loads");
        assert_eq!(data.orders.iter().map(|o| o.lines.len()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(data.orders[0].lines[0].unit_price_minor, 150);
        assert_eq!(data.orders[0].lines[1].sku, "B");
    }

    #[test]
    fn errors_name_file_and_line() {
        for (line, wanted) in [
            ("N1,C9,2031-01-01T10:00:00Z,A,1,1", "customer \"C9\""),
            ("N1,C1,monday,A,1,1", "placed_at"),
            ("N1,C1,2031-01-01T10:00:00Z,A,0,1", "quantity"),
            ("N1,C1,2031-01-01T10:00:00Z,A,1,1.999", "unit_price"),
            ("N1,C1,2031-01-01T10:00:00Z,A,1", "found record with 5 fields"),
        ] {
            let good = "N0,C1,2031-01-01T10:00:00Z,A,1,1\n";
            let error = load(dir(&format!("{good}{line}\n")).path()).expect_err("refused").to_string();
            assert!(error.starts_with("order_lines.csv, line 3: ") && error.contains(wanted), "{error}");
        }
        let dir = dir("");
        assert!(matches!(load(dir.path()), Err(DataError::Empty { .. })));
        std::fs::remove_file(dir.path().join("stock.csv")).expect("remove");
        assert!(load(dir.path()).expect_err("refused").to_string().contains("stock.csv.gz"));
    }
}
