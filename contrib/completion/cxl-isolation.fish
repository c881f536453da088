# SPDX-License-Identifier: GPL-2.0-only
# fish completion of cxl, daxctl and cxl-sim: the programs say what may stand next
# (util/complete.h has how).

if not functions -q __cxl_isolation_complete
    function __cxl_isolation_complete
        set -l words (commandline -opc)
        set -l typed (commandline -ct)
        # "--name=" before a value that is a file
        set -l name (string match -r -- '^--[^=]*=' $typed)
        set -l value (string replace -r -- '^--[^=]*=' '' $typed)

        for reply in ($words[1] --complete $words[2..-1] "$typed" 2>/dev/null)
            switch $reply
                case :files
                    printf '%s\n' $name(__fish_complete_path "$value")
                case :directories
                    printf '%s\n' $name(__fish_complete_directories "$value" '')
                case ':command *'
                    set -l from (math (string replace ':command ' '' -- $reply) + 1)
                    complete -C (string join -- ' ' (string escape -- $words[$from..-1]) "$typed")
                case '*'
                    echo $reply
            end
        end
    end

    for program in cxl daxctl cxl-isolation daxctl-isolation cxl-sim
        complete -c $program -f -a '(__cxl_isolation_complete)'
    end
end
