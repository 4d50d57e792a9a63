import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Timestamp;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;

/** What a program on JDBC does, printed line by line, so that a direct connection and the gateway can be compared. */
public final class WithJdbc {
  public static void main(String[] args) throws Exception {
    try (Connection connection = DriverManager.getConnection(args[0], args[1], args[2])) {
      metadata(connection.getMetaData());
      statements(connection);
      transactions(connection);
      copyAndObjects(connection);
      errors(connection);
    }
  }

  private static void say(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  private static String rows(ResultSet result) throws SQLException {
    StringBuilder text = new StringBuilder();
    int width = result.getMetaData().getColumnCount();
    while (result.next()) {
      for (int i = 1; i <= width; i++) text.append(i > 1 ? "|" : "").append(result.getString(i));
      text.append('\n');
    }
    return text.toString();
  }

  private static void metadata(DatabaseMetaData data) throws SQLException {
    say("tables", rows(data.getTables(null, "shop", "%", new String[] {"TABLE", "VIEW"})));
    say("columns", rows(data.getColumns(null, "shop", "orders", "%")));
    say("keys", rows(data.getPrimaryKeys(null, "shop", "orders")));
    say("imported", rows(data.getImportedKeys(null, "shop", "orders")));
    say("exported", rows(data.getExportedKeys(null, "shop", "orders")));
    say("indexes", rows(data.getIndexInfo(null, "shop", "orders", false, false)));
    say("privileges", rows(data.getTablePrivileges(null, "shop", "orders")));
    say("schemas", rows(data.getSchemas()));
    say("functions", rows(data.getFunctions(null, "shop", "%")));
    say("procedures", rows(data.getProcedures(null, "shop", "%")));
    say("types", rows(data.getTypeInfo()).length() > 1000);
    say("numeric functions", data.getNumericFunctions());
    say("keywords", data.getSQLKeywords());
    say("longest name", data.getMaxColumnNameLength());
  }

  private static void statements(Connection connection) throws SQLException {
    try (PreparedStatement query = connection.prepareStatement("SELECT ?::int + ?, ?::text, ?::timestamptz, ?")) {
      // From the fifth time on the driver names the statement, and reads in binary.
      for (int i = 0; i < 8; i++) {
        query.setInt(1, i);
        query.setLong(2, 40);
        query.setString(3, "text " + i);
        query.setTimestamp(4, new Timestamp(0));
        Array array = connection.createArrayOf("int4", new Integer[] {i, null});
        query.setArray(5, array);
        say("prepared", rows(query.executeQuery()));
      }
    }
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TEMP TABLE jdbc_rows (id int PRIMARY KEY, t text)");
      say("several", statement.execute("INSERT INTO jdbc_rows VALUES (0, 'zero'); SELECT 1; SELECT 2"));
      while (statement.getMoreResults() || statement.getUpdateCount() != -1) say("next", statement.getUpdateCount());
    }
    try (PreparedStatement batch = connection.prepareStatement("INSERT INTO jdbc_rows VALUES (?, ?)")) {
      for (int i = 1; i <= 300; i++) {
        batch.setInt(1, i);
        batch.setString(2, "row " + i);
        batch.addBatch();
      }
      say("batch", batch.executeBatch().length);
    }
    String returning = "UPDATE jdbc_rows SET t = upper(t) WHERE id < 3 RETURNING id";
    try (PreparedStatement update = connection.prepareStatement(returning)) {
      say("returning", rows(update.executeQuery()));
    }
  }

  private static void transactions(Connection connection) throws SQLException {
    connection.setReadOnly(true);
    connection.setReadOnly(false);
    connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(50);
      int count = 0;
      try (ResultSet result = statement.executeQuery("SELECT * FROM jdbc_rows ORDER BY id")) {
        while (result.next()) count++;
      }
      say("fetched in pieces", count);
      Savepoint savepoint = connection.setSavepoint("one");
      try {
        statement.execute("INSERT INTO jdbc_rows VALUES (1, 'twice')");
      } catch (SQLException error) {
        say("twice", error.getSQLState());
      }
      connection.rollback(savepoint);
      say("isolation", rows(statement.executeQuery("SHOW transaction_isolation")));
    }
    connection.commit();
    connection.setAutoCommit(true);
    connection.setSchema("shop");
    say("schema", connection.getSchema());
    say("valid", connection.isValid(5));
  }

  private static void copyAndObjects(Connection connection) throws Exception {
    CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
    say("copied in", copies.copyIn("COPY jdbc_rows FROM STDIN", new StringReader("1000\ta\n1001\t\\N\n")));
    StringWriter out = new StringWriter();
    say("copied out", copies.copyOut("COPY (SELECT * FROM jdbc_rows WHERE id > 299) TO STDOUT (FORMAT csv)", out));
    say("lines", out);
    connection.setAutoCommit(false);
    LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long oid = objects.createLO();
    try (LargeObject object = objects.open(oid)) {
      object.write("large object".getBytes());
      object.seek(6);
      say("object", new String(object.read(6)));
    }
    objects.delete(oid);
    connection.commit();
    connection.setAutoCommit(true);
  }

  private static void errors(Connection connection) throws SQLException {
    for (String text : new String[] {"SELECT 1/0", "SELECT nothing FROM shop.orders", "SELEC 1", "TABLE nowhere"}) {
      try (Statement statement = connection.createStatement()) {
        statement.execute(text);
      } catch (SQLException error) {
        say("error", error.getSQLState());
      }
    }
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      statement.execute("SELECT pg_sleep(30)");
    } catch (SQLException error) {
      say("cancelled", error.getSQLState());
    }
    say("after", connection.createStatement().executeQuery("SELECT 1").next());
  }
}
