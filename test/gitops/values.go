package gitops

import (
	lua "github.com/yuin/gopher-lua"
)

// toLua converts a value of an object. Numbers become Lua's only kind of number.
func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(toLua(l, item))
		}
		return table
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	}
	return lua.LNil
}

// fromLua converts a value back. Lua does not tell integers from other numbers, nor an empty list from an empty map: before
// is the value from which this one was made, if any, and decides.
func fromLua(value lua.LValue, before any) any {
	switch v := value.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LString:
		return string(v)
	case lua.LNumber:
		if _, isFloat := before.(float64); isFloat {
			return float64(v)
		}
		return int64(v)
	case *lua.LTable:
		return fromTable(v, before)
	}
	return nil
}

func fromTable(table *lua.LTable, before any) any {
	list, wasList := before.([]any)
	if table.Len() > 0 || wasList {
		items := make([]any, 0, table.Len())
		for i := range table.Len() {
			var old any
			if i < len(list) {
				old = list[i]
			}
			items = append(items, fromLua(table.RawGetInt(i+1), old))
		}
		return items
	}
	old, _ := before.(map[string]any)
	fields := map[string]any{}
	table.ForEach(func(key, field lua.LValue) { fields[key.String()] = fromLua(field, old[key.String()]) })
	return fields
}
