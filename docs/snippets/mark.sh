#!/bin/sh
# Marks the servers of a whole course for stage 1: submissions/NAME/server.py gives marks/NAME.json.
mkdir -p marks
for folder in submissions/*/; do
    name=$(basename "$folder")
    # A command is split at blanks, and a name can have blanks and quotes: this one has none.
    ln -sfn "$PWD/$folder" marks/now
    [ -f marks/now/server.py ] || { echo "$name: no server.py"; continue; }
    cargo -q lab check 1 --all --json --server "python3 marks/now/server.py" >"marks/$name.json" 2>/dev/null
    case $? in
        0) echo "$name: all of it holds" ;;
        1) echo "$name: $(grep -c '"verdict": "failed"' "marks/$name.json") failed" ;;
        *) echo "$name: could not be examined" ;;
    esac
done
rm -f marks/now
