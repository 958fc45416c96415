# shellcheck shell=sh
# What the scripts share; read with ". scripts/lib.sh" from the top directory.

# say TEXT: a heading on standard output.
say()
{
	printf '== %s\n' "$*"
}

# die TEXT: end the script.
die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "must be root (or have sudo) to run: $*"
	fi
}

# missing_packages NAME...: those that are not installed.
missing_packages()
{
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
		    2>/dev/null) || status=absent
		[ "$status" = installed ] || echo "$package"
	done
}

# install_packages NAME...: by apt, and only what is missing, so that a
# machine that has everything needs neither root nor network.
install_packages()
{
	missing=$(missing_packages "$@" | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
	    die "no apt-get here; install the likes of: $missing"
	say "installing $missing"
	mkdir -p build
	# shellcheck disable=SC2086 # words are meant
	quietly build/log-apt.txt apt_install $missing
}

apt_install()
{
	as_root apt-get update &&
	    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends "$@"
}

# quietly LOG COMMAND...: run it with its output in LOG; show the end of LOG
# if it fails, and return its exit code.
quietly()
{
	log=$1
	shift
	code=0
	("$@") >"$log" 2>&1 </dev/null || code=$?
	if [ "$code" -ne 0 ]; then
		tail -n 60 "$log"
		echo "failed with $code: $* (all of it: $log)"
	fi
	return "$code"
}

# shellcheck disable=SC2034 # for those who read this file
# What a machine needs to build postrider from a clone.
BUILD_PACKAGES="autoconf automake pkg-config gcc make libc6-dev
    libgnutls28-dev libidn2-dev libcurl4-gnutls-dev"

# configure_in DIRECTORY OPTION...: configure an out-of-tree build two levels
# below, unless it already has these options; make itself sees to the rest.
configure_in()
{
	dir=$1
	shift
	# automake cannot do both in one tree
	[ ! -f config.status ] || die "this tree was configured in place" \
	    "(./configure): say make distclean first"
	mkdir -p "$dir"
	if [ -f "$dir/Makefile" ] &&
	    [ "$(cat "$dir/options" 2>/dev/null)" = "$*" ]; then
		return 0
	fi
	(cd "$dir" && ../../configure "$@") && echo "$*" >"$dir/options"
}
