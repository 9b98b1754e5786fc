# Completes the command lines of token(1) in PowerShell: a line
# `. PATH/_token.ps1` in $PROFILE. `token completions powershell` prints this file.

Register-ArgumentCompleter -Native -CommandName token -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $before = @($commandAst.CommandElements |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        Select-Object -Skip 1 |
        ForEach-Object { if ($_.PSObject.Properties['Value']) { "$($_.Value)" } else { $_.Extent.Text } })
    $program = Get-Command -Name token -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($null -eq $program) { return }

    & $program completions "--candidates=$wordToComplete" '--' @before 2>$null | ForEach-Object {
        if ($_ -eq "`tfiles" -or $_ -eq "`tdirectories") {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
        } elseif ($_ -eq "`tcommand") {
            # What follows `--` is somebody else's command line.
            if ($before[-1] -eq '--') {
                [System.Management.Automation.CompletionCompleters]::CompleteCommand($wordToComplete)
            } else {
                [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
            }
        } else {
            $value, $meaning = $_ -split "`t", 2
            if (-not $meaning) { $meaning = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $meaning)
        }
    }
}
