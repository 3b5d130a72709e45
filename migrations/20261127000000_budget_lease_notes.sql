-- Who comes after a gateway that was killed closes its leases, with what its notes say was used at most.
COMMENT ON TABLE gatelog.budget_lease IS 'Slices of budget windows held by gateways. A closed lease is deleted; one that stays after its window is over was held by a gateway that died and that none has followed on the same spool and machine.';
COMMENT ON COLUMN gatelog.budget_window.leased IS 'Granted to gateways and not told to be used: counts as spent while the window lasts. For a gateway that died, the next one on its spool tells.';
