-- What each table was made from, as the build of pipelines/derive/made.py writes it.
create table if not exists meta.made (
    table_name varchar primary key, definition_hash varchar, inputs varchar[], inputs_hash varchar,
    content_hash varchar
);
