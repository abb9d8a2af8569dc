/* A configuration is taken or refused with a usage error, and tells why. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/job/option_value.h"
#include "agent/job/settings.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct settings *s)
{
	struct err err = {0};

	for (int o = 0; o < OPTIONS; o++) {
		const char *value = settings_str(s, (enum option)o);

		/* What is in force has been checked. */
		if (value != NULL &&
		    option_check((enum option)o, value, &err) != 0)
			abort();
		free(settings_shown(s, (enum option)o));
		settings_int(s, (enum option)o);
		settings_size(s, (enum option)o);
		settings_ms(s, (enum option)o);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct settings *s;
	char path[64];
	int fd = memfd_create("configuration", MFD_CLOEXEC);

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	s = settings_load(path, "a", &err);
	close(fd);
	if (s != NULL)
		check(s);
	else if (err.kind != ERR_USAGE || err.text[0] == '\0')
		abort();
	settings_free(s);
	return 0;
}
