/*
 * The model in memory keeps what store.h promises, as the drivers do; else
 * what is tested with it would prove nothing.
 */
#include "tests/sim/fake_store.h"
#include "tests/sim/store_conformance.h"

static struct store *
open_fake(void *arg)
{
	(void)arg;
	return fake_store_new("conformance", 0);
}

int
main(void)
{
	struct conformance_env env = {.open = open_fake};

	return store_conformance_run("fake_store", &env);
}
