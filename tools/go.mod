module rightful/tools

go 1.26
