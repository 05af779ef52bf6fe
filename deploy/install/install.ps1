# Installs Pollux on Windows, inside WSL: Pollux runs on POSIX systems, and what listens in WSL 2 is reached from
# Windows under the same http://127.0.0.1:7861.
#
#   powershell -ExecutionPolicy Bypass -File deploy\install\install.ps1                      from this checkout
#   & ([scriptblock]::Create((irm ADDRESS/install.ps1))) SOURCE.tar.gz                       from a source archive
param([string]$Source = $env:POLLUX_SOURCE)

$ErrorActionPreference = 'Stop'

if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) {
    throw 'pollux: WSL is not there. Run "wsl --install" as administrator, restart, and run this again.'
}

wsl.exe -e python3 -c 'import sys, ensurepip; sys.exit(sys.version_info[:2] not in [(3, n) for n in range(11, 99)])'
if ($LASTEXITCODE -ne 0) {
    throw 'pollux: in WSL, Python 3.11 or newer with venv is missing. Run "wsl -u root apt install python3-venv".'
}

if ($Source) {
    # Without a double quote: Windows PowerShell 5 loses those on the way to a program.
    $steps = 'set -e; d=$(mktemp -d); curl -fsSL $1 | tar -xz -C $d --strip-components=1; sh $d/deploy/install/install.sh $d; rm -r $d'
    wsl.exe -e sh -c $steps sh $Source
} elseif ($PSScriptRoot) {
    # wslpath takes forward slashes too, and no shell on the way eats those.
    $script = wsl.exe -e wslpath -a ((Join-Path $PSScriptRoot 'install.sh') -replace '\\', '/')
    wsl.exe -e sh $script
} else {
    throw 'pollux: say what to install: the https address of a source archive (.tar.gz).'
}
if ($LASTEXITCODE -ne 0) {
    throw "pollux: the installation in WSL ended with exit code $LASTEXITCODE."
}
Write-Host 'Start it with:  wsl -e sh -lc "pollux demo"'
