# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# Run by the build: writes the pages of docs/messages (FOLDER) into a C file (OUT), so that `eipgw explain EIPGW-2001` needs
# nothing beside the program.
file(GLOB pages "${FOLDER}/EIPGW-*.md")
set(text "#include \"cli/page.h\"\n\nconst struct page pages[] = {\n")
foreach(page IN LISTS pages)
	string(REGEX MATCH "EIPGW-([0-9]+)\\.md$" name "${page}")
	set(number "${CMAKE_MATCH_1}")
	file(READ "${page}" body)
	string(REPLACE "\\" "\\\\" body "${body}")
	string(REPLACE "\"" "\\\"" body "${body}")
	string(REPLACE "\n" "\\n\"\n\t  \"" body "${body}")
	string(APPEND text "\t{ ${number},\n\t  \"${body}\" },\n")
endforeach()
string(APPEND text "\t{ 0, \"\" },\n};\n")
file(WRITE "${OUT}" "${text}")
