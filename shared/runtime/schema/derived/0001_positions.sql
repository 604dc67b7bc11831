-- How far a service has heard each stream. Lives in the schema `derived`, beside the state that is folded from facts,
-- so that a rebuild into a shadow schema carries its own positions. Run as the service's backbone role.

CREATE TABLE positions (
    source        text   NOT NULL,
    subject       text   NOT NULL,
    number        bigint NOT NULL,
    fact_id       uuid,
    parked_number bigint,              -- the fact the stream is parked at; null when it flows
    parked_reason text,
    parked_since  timestamptz,
    skipped       bigint[],            -- facts an operator passed over for good; a rebuild passes over them too
    PRIMARY KEY (source, subject)
) WITH (fillfactor = 70);
CREATE INDEX positions_parked ON positions (source, subject) WHERE parked_number IS NOT NULL;

-- Facts that were understood but could not be used; the stream went on.
CREATE TABLE set_aside (
    source      text        NOT NULL,
    subject     text        NOT NULL,
    number      bigint      NOT NULL,
    fact_id     uuid        NOT NULL,
    type        text        NOT NULL,
    reason      text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (source, subject, number)
);

-- Up to where each source's heads were compared with ours, and the epoch its owner was in then.
CREATE TABLE tails (
    source      text    PRIMARY KEY,
    epoch       integer NOT NULL,
    xid         bigint  NOT NULL,
    id          bigint  NOT NULL,
    owner_epoch integer NOT NULL
);
GRANT SELECT ON positions, set_aside TO :door;
