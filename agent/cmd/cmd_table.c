#include "agent/cmd/cmd.h"

extern const struct cmd cmd_sync, cmd_snapshot, cmd_copy, cmd_restore, cmd_list,
    cmd_show, cmd_verify, cmd_inspect, cmd_compare, cmd_promote, cmd_undelete,
    cmd_status, cmd_check, cmd_config, cmd_version;

const struct cmd *const cmds[] = {&cmd_sync, &cmd_snapshot, &cmd_copy,
    &cmd_restore, &cmd_list, &cmd_show, &cmd_verify, &cmd_inspect, &cmd_compare,
    &cmd_promote, &cmd_undelete, &cmd_status, &cmd_check, &cmd_config,
    &cmd_version, NULL};
