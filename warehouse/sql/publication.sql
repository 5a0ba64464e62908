-- What this file is and how to cite it: one row, written when it is published. Times are UTC.
create or replace table meta.publication (
    run_id varchar, published_at timestamp, data_version varchar, code_version varchar,
    licence varchar, licence_url varchar, citation varchar, doi varchar
);
comment on table meta.publication is 'One row: what this file is and how to cite it';
comment on column meta.publication.run_id is 'the run that made it';
comment on column meta.publication.published_at is 'when it was published [UTC]';
comment on column meta.publication.data_version is 'version of the public tables, as in CHANGELOG.md';
comment on column meta.publication.code_version is 'version of truecost that made it';
comment on column meta.publication.licence is
    'licence of our own tables; rows as printed by a source are under its terms, see meta.source';
comment on column meta.publication.licence_url is 'address of the licence';
comment on column meta.publication.citation is 'how to cite it, in one sentence';
comment on column meta.publication.doi is 'identifier of the archived version; null until there is one';
insert into meta.publication values (
    $run_id, $published_at, $data_version, $code_version, $licence, $licence_url, $citation, $doi
);
