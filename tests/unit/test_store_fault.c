/* The wrappers keep the promises of what they are wrapped around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "storage/store.h"
#include "tests/sim/store_conformance.h"
#include "tests/sim/store_copier.h"
#include "tests/sim/store_fault.h"
#include "tests/sim/temp_dir.h"

static struct store *
open_fault(void *arg)
{
	return store_fault_new(temp_dir_store(arg));
}

static struct store *
open_copier(void *arg)
{
	return store_fault_new(store_copier_new(temp_dir_store(arg)));
}

int
main(void)
{
	struct temp_dir dir;
	struct conformance_env env = {
	    .open = open_fault, .arg = &dir, .no_props = true};
	int failed;

	temp_dir_make(&dir);
	failed = store_conformance_run("store_fault", &env);
	env.open = open_copier;
	failed += store_conformance_run("store_copier", &env);
	temp_dir_remove(&dir);
	return failed;
}
