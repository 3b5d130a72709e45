-- The Iceberg catalog in the layout (version 1) of Java's JdbcCatalog and PyIceberg's SqlCatalog, to the letter: Spark,
-- Trino, Flink and PyIceberg read the table through this database with search_path=gatelog.
CREATE TABLE gatelog.iceberg_tables (
    catalog_name               varchar(255) NOT NULL,
    table_namespace            varchar(255) NOT NULL,
    table_name                 varchar(255) NOT NULL,
    metadata_location          varchar(1000),
    previous_metadata_location varchar(1000),
    iceberg_type               varchar(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
);
COMMENT ON TABLE gatelog.iceberg_tables IS 'Iceberg tables and where their current metadata lies.';
COMMENT ON COLUMN gatelog.iceberg_tables.catalog_name IS 'Name readers give the catalog.';
COMMENT ON COLUMN gatelog.iceberg_tables.table_namespace IS 'Namespace, levels joined by dots.';
COMMENT ON COLUMN gatelog.iceberg_tables.table_name IS 'Table.';
COMMENT ON COLUMN gatelog.iceberg_tables.metadata_location IS 'The pointer: current metadata.json. Moving it is what makes files visible.';
COMMENT ON COLUMN gatelog.iceberg_tables.previous_metadata_location IS 'The metadata.json before.';
COMMENT ON COLUMN gatelog.iceberg_tables.iceberg_type IS 'TABLE, or VIEW for other writers'' views.';

CREATE TABLE gatelog.iceberg_namespace_properties (
    catalog_name   varchar(255) NOT NULL,
    namespace      varchar(255) NOT NULL,
    property_key   varchar(255),
    property_value varchar(1000),
    PRIMARY KEY (catalog_name, namespace, property_key)
);
COMMENT ON TABLE gatelog.iceberg_namespace_properties IS 'Iceberg namespaces and their properties; a namespace without any has exists = true.';
COMMENT ON COLUMN gatelog.iceberg_namespace_properties.catalog_name IS 'Name readers give the catalog.';
COMMENT ON COLUMN gatelog.iceberg_namespace_properties.namespace IS 'Namespace, levels joined by dots.';
COMMENT ON COLUMN gatelog.iceberg_namespace_properties.property_key IS 'Property.';
COMMENT ON COLUMN gatelog.iceberg_namespace_properties.property_value IS 'Its value.';
