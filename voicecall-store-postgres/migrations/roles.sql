-- Run once in each database, by somebody who may create roles. It may be run again.
--
-- voicecall_owner owns every table and is used by nobody but migrations. The others are what the service logs in as: they
-- own nothing, and row-level security holds for them. Give them passwords of your own (ALTER ROLE ... PASSWORD), or make
-- logins with other names that are members of exactly one of them.

DO $$
DECLARE
    name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'voicecall_owner') THEN
        CREATE ROLE voicecall_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    FOREACH name IN ARRAY ARRAY['voicecall_tenant', 'voicecall_queue', 'voicecall_routing', 'voicecall_maintenance'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS', name);
            -- A second wall: whoever forgets a transaction keeps its locks for so long and no longer.
            EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', name, '60s');
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
    END LOOP;
    EXECUTE format('GRANT CREATE ON DATABASE %I TO voicecall_owner', current_database());
END
$$;
