-- Accounts at carriers: several may be of one company. `conf` is JSON whose secrets are sealed.
CREATE TABLE cargo_companies (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    erp_code TEXT NOT NULL UNIQUE,
    is_managed_by_oms BOOLEAN NOT NULL,
    is_demo_client BOOLEAN NOT NULL,
    shipping_company TEXT NOT NULL,
    conf TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    -- The lower of those that apply is taken.
    priority BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);

-- When a company applies: of several conditions any. Without one it always does.
CREATE TABLE cargo_company_conditions (
    id BIGINT PRIMARY KEY,
    cargo_company_id BIGINT NOT NULL REFERENCES cargo_companies (id),
    rules_configuration TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    modified_us BIGINT NOT NULL
);
CREATE INDEX cargo_company_conditions_company ON cargo_company_conditions (cargo_company_id);
