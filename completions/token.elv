# Completes the command lines of token(1) in elvish: as the file
# token-completion.elv in ~/.config/elvish/lib, with `use token-completion` in
# rc.elv. `token completions elvish` prints this file.

use str

set edit:completion:arg-completer[token] = {|@words|
    var typed = $words[-1]
    var before = $words[1..-1]
    var dashes = $nil
    for index [(range (count $before))] {
        if (and (eq $dashes $nil) (eq $before[$index] '--')) {
            set dashes = $index
        }
    }
    (external token) completions --candidates=$typed -- $@before 2>/dev/null | from-lines | each {|line|
        if (or (eq $line "\tfiles") (eq $line "\tdirectories")) {
            edit:complete-filename $typed
        } elif (eq $line "\tcommand") {
            # What follows `--` is somebody else's command line, as with sudo.
            edit:complete-sudo sudo (all $before[(+ $dashes 1)..]) $typed
        } else {
            var value @meaning = (str:split "\t" $line)
            if (== (count $meaning) 0) {
                put $value
            } else {
                edit:complex-candidate $value &display=$value' ('$meaning[0]')'
            }
        }
    }
}
