# Completes the command lines of token(1) in fish. `token completions fish`
# prints this file.

function __token_complete
    set -l words (commandline --tokenize --current-process --cut-at-cursor)
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l lines (command token completions --candidates="$typed" -- $words[2..] 2>/dev/null)
    for line in $lines
        switch $line
            case \tfiles \tdirectories
                # Of `--option=value`, the value.
                set -l option (string match --regex -- '^--[^=]*=' $typed)
                set -l value (string replace --regex -- '^--[^=]*=' '' $typed)
                if test $line = \tfiles
                    string replace --regex -- '^' "$option" (__fish_complete_path $value)
                else
                    string replace --regex -- '^' "$option" (__fish_complete_directories $value)
                end
            case \tcommand
                # What follows `--` is somebody else's command line.
                set -l dashes (contains --index -- -- $words)
                set -l command (string escape -- $words[(math $dashes + 1)..]) "$typed"
                complete --do-complete "$command"
            case '*'
                echo $line
        end
    end
end

complete --command token --no-files --arguments '(__token_complete)'
