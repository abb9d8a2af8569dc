/* Commands as a stranger may send them to a posing master. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "rdb/resp_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct resp_command cmd;
	struct err err = {0};
	size_t taken;

	while (resp_command_parse(in, size, &cmd, &taken, &err) == 1) {
		assert(taken > 0 && taken <= size);
		for (size_t i = 0; i < cmd.n; i++)
			assert(cmd.args[i].data >= in &&
			    cmd.args[i].data + cmd.args[i].len <= in + taken);
		in += taken;
		size -= taken;
	}
	return 0;
}
