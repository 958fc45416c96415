# PR_CFLAG(FLAG, VARIABLE): add FLAG to VARIABLE where the compiler takes it
# without a word.
AC_DEFUN([PR_CFLAG], [
	AS_VAR_PUSHDEF([works], [pr_cv_cflag_$1])
	AC_CACHE_CHECK([whether $CC takes $1], [works], [
		pr_save=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]])],
		    [AS_VAR_SET([works], [yes])],
		    [AS_VAR_SET([works], [no])])
		CFLAGS=$pr_save
	])
	AS_VAR_IF([works], [yes], [$2="$$2 $1"])
	AS_VAR_POPDEF([works])
])

# PR_LDFLAG(FLAG, VARIABLE): the same for the linker.
AC_DEFUN([PR_LDFLAG], [
	AS_VAR_PUSHDEF([works], [pr_cv_ldflag_$1])
	AC_CACHE_CHECK([whether the linker takes $1], [works], [
		pr_save=$LDFLAGS
		LDFLAGS="$LDFLAGS $1"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]])],
		    [AS_VAR_SET([works], [yes])],
		    [AS_VAR_SET([works], [no])])
		LDFLAGS=$pr_save
	])
	AS_VAR_IF([works], [yes], [$2="$$2 $1"])
	AS_VAR_POPDEF([works])
])

# PR_FORTIFY(VARIABLE): the highest _FORTIFY_SOURCE that compiler, libc and
# the user's own CFLAGS agree on. A level that the distribution or the user
# has set already is theirs to choose.
AC_DEFUN([PR_FORTIFY], [
	AC_CACHE_CHECK([for _FORTIFY_SOURCE], [pr_cv_fortify], [
		pr_cv_fortify=no
		pr_save=$CFLAGS
		AC_COMPILE_IFELSE([AC_LANG_SOURCE([[
			#ifndef _FORTIFY_SOURCE
			#error unset
			#endif
		]])], [pr_cv_fortify=set])
		for level in 2 3; do
			test "$pr_cv_fortify" = set && break
			CFLAGS="$pr_save -Werror -D_FORTIFY_SOURCE=$level"
			AC_COMPILE_IFELSE(
			    [AC_LANG_PROGRAM([[#include <stdio.h>]])],
			    [pr_cv_fortify=$level])
		done
		CFLAGS=$pr_save
	])
	AS_CASE([$pr_cv_fortify],
	    [2|3], [$1="$$1 -D_FORTIFY_SOURCE=$pr_cv_fortify"])
])

# PR_MISSING(WHAT, PACKAGE): remember it for PR_STOP_IF_MISSING.
AC_DEFUN([PR_MISSING], [
	AS_VAR_APPEND([pr_missing], ["missing: $1 - install $2
"])
])

# PR_STOP_IF_MISSING: say all that is missing at once, so that nobody has to
# run configure five times.
AC_DEFUN([PR_STOP_IF_MISSING], [
	AS_IF([test -n "$pr_missing"], [
		AS_ECHO([""]) >&2
		AS_ECHO_N(["$pr_missing"]) >&2
		AS_ECHO(["(package names as in Debian and Ubuntu)"]) >&2
		AC_MSG_ERROR([what is missing above is needed to build])
	])
])
