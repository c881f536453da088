# SPDX-License-Identifier: GPL-2.0-only
# bash completion of cxl, daxctl and cxl-sim.  The programs say what may stand next
# (util/complete.h has how); the distribution's own commands are left to its script.

# Complete as the distribution's script does; false where it has none.
_cxl_isolation_theirs()
{
	if ! declare -F "_$1" >/dev/null; then
		# it may define the functions of both, and takes their names for itself
		. "/usr/share/bash-completion/completions/$1" 2>/dev/null
		complete -F _cxl_isolation cxl daxctl cxl-isolation daxctl-isolation cxl-sim
		declare -F "_$1" >/dev/null || return
	fi
	compopt -o nospace 2>/dev/null
	"_$1" "${@:2}"
}

# Another command line begins at word $1 of "${line_words[@]}".
_cxl_isolation_command()
{
	local start have= i=0

	printf -v start %s "${line_words[@]:0:$1}"
	while [[ $have != "$start" ]] && ((i < COMP_CWORD)); do
		have+=${COMP_WORDS[i++]}
	done
	if declare -F _comp_command_offset >/dev/null; then
		_comp_command_offset "$i"
	elif declare -F _command_offset >/dev/null; then
		_command_offset "$i"
	elif ((i == COMP_CWORD)); then
		COMPREPLY=($(compgen -c -- "${line_words[-1]}"))
	else
		compopt -o default 2>/dev/null
	fi
}

_cxl_isolation()
{
	local program=${1/#~\//$HOME/} name answer typed value cut separators reply IFS=$' \t\n'
	local -a line_words=() names

	# cxl-isolation is cxl, always there
	name=${1##*/}
	name=${name%-isolation}
	COMPREPLY=()
	# not COMP_WORDS: that is split at '=' and ':'
	read -d '' -a line_words <<<"${COMP_LINE:0:COMP_POINT}"
	[[ ${COMP_LINE:0:COMP_POINT} == *[[:blank:]] ]] && line_words+=("")
	typed=${line_words[-1]}
	if ! answer=$("$program" --complete-ours "${line_words[@]:1}" 2>/dev/null </dev/null) || [[ $answer == :theirs ]]; then
		_cxl_isolation_theirs "$name" "$@" && return
		answer=$("$program" --complete "${line_words[@]:1}" 2>/dev/null </dev/null)
	fi

	# bash replaces only what is behind the last of these
	separators=${COMP_WORDBREAKS//[^=:]/}
	cut=
	[[ $separators ]] && cut=${typed%"${typed##*[$separators]}"}
	value=$typed
	[[ $typed == --*=* ]] && value=${typed#*=}
	while IFS= read -r reply; do
		case $reply in
		'') ;;
		:files | :directories)
			compopt -o filenames 2>/dev/null
			if [[ $reply == :files ]]; then
				mapfile -t names < <(compgen -f -- "$value")
			else
				mapfile -t names < <(compgen -d -- "$value")
			fi
			for reply in "${names[@]}"; do
				reply=${typed%"$value"}$reply
				COMPREPLY+=("${reply:${#cut}}")
			done
			;;
		:command\ *)
			_cxl_isolation_command "${reply#:command }"
			return
			;;
		*)
			reply=${reply%%$'\t'*}
			COMPREPLY+=("${reply:${#cut}}")
			;;
		esac
	done <<<"$answer"
	[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
	return 0
}

complete -F _cxl_isolation cxl daxctl cxl-isolation daxctl-isolation cxl-sim
