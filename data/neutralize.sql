-- A copy of the database must never reach a dealer.
UPDATE bpo_dealership
   SET odoo_api_key = NULL,
       candidate_api_key = NULL,
       candidate_next_try = NULL,
       key_database_uuid = NULL,
       remote_uid = 0,
       remembered = NULL,
       connection_state = 'untested',
       paused = true,
       last_message = 'This is a neutralized copy: the API key was removed.';
