#include "config.h"

#include "base/library.h"

#include <dlfcn.h>

int
library_load(const char *soname, const char *const *names, size_t n,
    void **table, struct err *err)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return err_set(err, ERR_TEMP, NULL, "%s", dlerror());
	for (size_t i = 0; i < n; i++) {
		table[i] = dlsym(library, names[i]);
		if (table[i] == NULL)
			return err_set(err, ERR_TEMP, NULL, "%s", dlerror());
	}
	return 0;
}
