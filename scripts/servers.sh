# shellcheck shell=sh
# servers.sh - real servers for a while: dnsmasq (names) and Exim (mail), as
# Debian packages them, on 127.0.0.1 and ports of their own. Read with
# ". scripts/servers.sh" from the top directory, after lib.sh.
#
# Nothing is installed and nothing that runs on the machine is touched: the
# programs are copied, or unpacked from their packages, to build/servers, and
# their files are in a directory that ends with the script. No root is needed;
# a script that root runs starts them as nobody.
#
#	get_servers dns mail		fetch what is not there yet
#	run_directory			make $run, with $run/bin and $run/served
#	start_dns PORT OPTION...	OPTIONs of dnsmasq: the names it knows
#	start_mail PORT DOMAIN		a mailbox for all of the DOMAIN
#	end_servers			and their files

servers=$PWD/build/servers
run=
server_pids=

# -- the programs -----------------------------------------------------------

# on_system FILE: where the machine has it, if it does.
on_system()
{
	find /usr/sbin /usr/lib /usr/lib/*-linux-* -maxdepth 1 -name "$1" \
	    2>/dev/null | grep .
}

# is_whole FILE: is it in build/servers, with all the libraries it needs?
is_whole()
{
	[ -e "$servers/$1" ] && ! LD_LIBRARY_PATH=$servers \
	    ldd "$servers/$1" 2>&1 | grep -q 'not found'
}

# have_server FILE PACKAGE: leave it where it is whole, or add it to $found,
# or the package to $wanted.
have_server()
{
	is_whole "$1" && return 0
	file=$(on_system "$1" | head -n 1)
	if [ -n "$file" ]; then
		found="$found $file"
	else
		wanted="$wanted $2"
	fi
}

# Packages that would have to be installed for those named, by name. Not by
# --print-uris: that leaves out what apt has in its cache.
with_dependencies()
{
	apt-get -s -y --no-install-recommends install "$@" |
	    sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep .
}

# unpack_packages DIRECTORY PACKAGE...: the files of each below DIRECTORY.
unpack_packages()
{
	cd "$1" || return 1
	shift
	# A fresh machine has no lists of packages yet.
	names=$(with_dependencies "$@") ||
	    { as_root apt-get update && names=$(with_dependencies "$@"); } ||
	    return 1
	# shellcheck disable=SC2086 # words are meant
	apt-get download $names || return 1
	for package in ./*.deb; do
		dpkg-deb -x "$package" . || return 1
	done
}

# keep_programs FROM TO: of what the packages hold, programs and libraries are
# enough.
keep_programs()
{
	find "$1" \( -path '*/sbin/exim4' -o -path '*/sbin/dnsmasq' -o \
	    -name 'lib*.so*' \) -exec cp -P {} "$2" \;
}

# fetch_packages DIRECTORY PACKAGE...: their programs there.
fetch_packages()
{
	to=$1
	shift
	say "unpacking $* and libraries in build/servers"
	unpacked=$(mktemp -d) || die "cannot make a temporary directory"
	chmod 755 "$unpacked"
	fetch_log=$PWD/build/log-servers.txt
	code=0
	(unpack_packages "$unpacked" "$@") >"$fetch_log" 2>&1 \
	    </dev/null || code=$?
	[ "$code" -ne 0 ] || keep_programs "$unpacked" "$to"
	rm -rf "$unpacked"
	[ "$code" -eq 0 ] && return 0
	rm -rf "$to"
	tail -n 20 "$fetch_log" >&2
	die "cannot get $*; installed by hand they will do as well"
}

# Add to build/servers what is in $found and $wanted. It is renamed when it is
# complete: whoever finds half of it would take it for all.
fill_servers()
{
	[ -z "$wanted" ] || command -v apt-get >/dev/null ||
	    die "no apt-get here; install the likes of:$wanted"
	filling=$(mktemp -d "$servers.XXXXXX") || die "cannot write in $PWD"
	[ ! -d "$servers" ] || cp -P "$servers"/* "$filling" 2>/dev/null
	for file in $found; do
		# A copy is not set-user-ID, and no AppArmor profile keeps it
		# from settings in unusual places.
		cp "$file" "$filling"
	done
	# shellcheck disable=SC2086 # words are meant
	[ -z "$wanted" ] || fetch_packages "$filling" $wanted
	chmod -R u-s,a+rX "$filling"
	rm -rf "$servers"
	mv "$filling" "$servers" || exit 1
}

# get_servers dns|mail...
get_servers()
{
	found='' wanted=''
	mkdir -p build
	for server in "$@"; do
		case $server in
		dns)
			have_server dnsmasq dnsmasq-base ;;
		mail)
			have_server exim4 exim4-daemon-light
			have_server libnss_wrapper.so libnss-wrapper ;;
		esac
	done
	[ -z "$found$wanted" ] || fill_servers
}

# -- files and ports --------------------------------------------------------

run_directory()
{
	run=$(mktemp -d "${TMPDIR:-/tmp}/postrider.XXXXXX") ||
	    die "cannot make a temporary directory"
	mkdir "$run/bin" "$run/served"
	# Whoever runs the servers may not be able to look into the clone.
	cp -P "$servers"/* "$run/bin"
	if [ "$(id -u)" -eq 0 ]; then
		chmod 711 "$run"
		chown nobody "$run/served"
	fi
}

# busy PROTOCOL PORT: has anybody on this machine got it?
busy()
{
	cat "/proc/net/$1" "/proc/net/${1}6" 2>/dev/null |
	    awk -v port="$(printf ':%04X' "$2")" \
		'index($2, port) && $4 != "06" { found = 1 }
		END { exit !found }'
}

# free_port FIRST: this one or the next that nobody has.
free_port()
{
	port=$1
	while busy tcp "$port" || busy udp "$port"; do
		port=$((port + 1))
	done
	echo "$port"
}

# -- starting and ending ----------------------------------------------------

# as_nobody COMMAND...: replace the shell by it.
as_nobody()
{
	if [ "$(id -u)" -eq 0 ]; then
		exec setpriv --reuid=nobody --regid="$(id -g nobody)" \
		    --clear-groups -- "$@"
	fi
	exec "$@"
}

# start_server PROTOCOL PORT LOG COMMAND...: in the background, in a process
# group of its own; returns when it listens.
start_server()
{
	protocol=$1 port=$2 server_log=$3
	shift 3
	(cd / && as_nobody setsid env LD_LIBRARY_PATH="$run/bin" "$@") \
	    >"$server_log" 2>&1 </dev/null &
	server=$!
	server_pids="$server_pids $server"
	tries=0
	until busy "$protocol" "$port"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
			cat "$server_log" >&2
			die "this did not start: $*"
		fi
		sleep 0.05
	done
}

start_dns()
{
	dns_port=$1
	shift
	start_server udp "$dns_port" "$run/dns.log" "$run/bin/dnsmasq" \
	    --conf-file=/dev/null --keep-in-foreground --pid-file= \
	    --user="$(server_user)" --port="$dns_port" \
	    --listen-address=127.0.0.1 --bind-interfaces \
	    --no-resolv --no-hosts --local=/test/ "$@"
}

server_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		echo nobody
	else
		id -un
	fi
}

# Exim insists on a user Debian-exim; nss_wrapper makes it believe that the
# user who runs it is called so.
write_names()
{
	user=$(server_user)
	uid=$(id -u "$user")
	gid=$(id -g "$user")
	{
		getent passwd
		echo "Debian-exim:x:$uid:$gid::$run/served:/bin/sh"
	} >"$run/passwd"
	{
		getent group
		echo "Debian-exim:x:$gid:"
	} >"$run/group"
}

# write_exim_conf PORT DOMAIN
write_exim_conf()
{
	cat >"$run/exim.conf" <<END
primary_hostname = mail.$2
exim_path = $run/bin/exim4
spool_directory = $run/served/exim
log_file_path = $run/served/exim-%slog
pid_file_path = $run/served/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $1
disable_ipv6
deliver_drop_privilege
keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : \\
	NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
dsn_advertise_hosts = *
tls_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept domains = $2
  deny message = relay not permitted
begin routers
all:
  driver = accept
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  directory = $run/served/mailbox
  maildir_format
  user = $uid
  group = $gid
  return_path_add
  envelope_to_add
  delivery_date_add
END
}

start_mail()
{
	write_names
	write_exim_conf "$@"
	start_server tcp "$1" "$run/exim.log" \
	    env LD_PRELOAD="$run/bin/libnss_wrapper.so" \
	    NSS_WRAPPER_PASSWD="$run/passwd" NSS_WRAPPER_GROUP="$run/group" \
	    "$run/bin/exim4" -C "$run/exim.conf" -bdf
}

end_servers()
{
	for server in $server_pids; do
		# Each leads its process group.
		kill -- "-$server" 2>/dev/null
		wait "$server" 2>/dev/null
	done
	server_pids=
	[ -z "$run" ] || rm -rf "$run"
	run=
}
